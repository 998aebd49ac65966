"""What is known of a dataset when somebody has to decide whether it is trained again."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Q
from django.utils import timezone

from labeling.models import Dataset, Sample
from trainer.engine.recipe import NAMED, InvalidRecipe, Recipe
from trainer.models import Run
from trainer.services.runs import OPEN
from workbench.ledger.models import Job
from workbench.models import RetrainDecision, RetrainRule
from workbench.retraining.budget import Budget, Spent, cost_s
from workbench.retraining.decision import Facts, Failures, Last, Rule, Trigger
from workbench.retraining.schedule import Hours, Schedule, Wall

WINDOWS = {RetrainRule.Window.DAY: timedelta(days=1), RetrainRule.Window.MONTH: timedelta(days=30)}
TRAIN = "trainer.jobs.train"
RECENT = 200  # runs in which the last one of the recipe is looked for
LIGHT = ("dataset", "recipe", "state", "n_train", "receipt", "created_at", "started_at", "finished_at")


def rule_of(dataset: Dataset) -> RetrainRule:
    """Return the dataset's rule; one that is off and not yet kept where it has none."""
    now = timezone.now()
    kept = RetrainRule.objects.filter(dataset=dataset).first()
    return kept or RetrainRule(dataset=dataset, since=now, changed_at=now)


def chosen_recipe(rule: RetrainRule) -> Recipe:
    """Return what the rule trains; raises InvalidRecipe where this version knows no such recipe."""
    if rule.own_recipe is not None:
        return Recipe.from_json(rule.own_recipe)
    if rule.recipe_name not in NAMED:
        raise InvalidRecipe(f"there is no recipe named {rule.recipe_name!r}")
    return NAMED[rule.recipe_name]


def terms(rule: RetrainRule) -> Rule:
    """Return what the rule asks for, as plain values."""
    return Rule(
        seeds=rule.seeds,
        every_labels=rule.every_labels,
        schedule=_schedule(rule),
        floor=rule.floor,
        budget=Budget(WINDOWS[RetrainRule.Window(rule.window)], rule.max_seconds, rule.max_trainings),
    )


def _schedule(rule: RetrainRule) -> Schedule | None:
    if rule.schedule == RetrainRule.Schedule.HOURS and rule.every_hours:
        return Hours(rule.every_hours)
    if rule.schedule == RetrainRule.Schedule.DAILY and rule.at:
        return Wall(rule.at)
    if rule.schedule == RetrainRule.Schedule.WEEKLY and rule.at and rule.weekday is not None:
        return Wall(rule.at, rule.weekday)
    return None


def gather(rule: RetrainRule, now: datetime) -> Facts:
    """Return the facts that a decision on the rule rests on."""
    counts, tested = _counts(rule.dataset)
    labels = sum(count for _, count in counts)
    decisions = _started(rule.dataset, now)
    try:
        recipe, unreadable = chosen_recipe(rule), ""
    except InvalidRecipe as error:
        recipe, unreadable = None, str(error)
    same = [run for run in _runs(rule.dataset) if recipe is not None and _trains(run, recipe)]
    return Facts(
        counts=counts,
        tested=tested,
        since=rule.since,
        zone=zone(),
        last=_last(same, labels),
        was_below=rule.below_floor,
        open_run=_open_run(rule.dataset),
        failures=_failures(decisions),
        spent=tuple(_spent(decisions, now)),
        estimate=_estimate(same, recipe, labels) if recipe else None,
        unreadable=unreadable,
    )


def zone() -> ZoneInfo:
    """The server's time zone, in which schedules are meant."""
    return ZoneInfo(settings.TIME_ZONE)


def _counts(dataset: Dataset) -> tuple[tuple[tuple[str, int], ...], int]:
    """Return the training labels of each class, and how many test pictures have a label."""
    test = Q(split=Sample.Split.TEST)
    rows = dataset.samples.labeled().order_by().values_list("label")
    found = {
        label: (train, held_out)
        for label, train, held_out in rows.annotate(
            train=Count("pk", filter=~test), held_out=Count("pk", filter=test)
        )
    }
    counts = tuple((name, found.get(name, (0, 0))[0]) for name in dataset.classes)
    return counts, sum(held_out for _, held_out in found.values())


def _open_run(dataset: Dataset) -> int | None:
    """Return the oldest run that is not over; a run that is done stays open until its job has ended too."""
    jobs = Job.objects.open().filter(work=TRAIN).values_list("params__run_id", flat=True)
    at_work = Q(state__in=OPEN) | Q(pk__in=list(jobs))
    return Run.objects.filter(at_work, dataset=dataset).order_by("pk").values_list("pk", flat=True).first()


def _runs(dataset: Dataset) -> list[Run]:
    """Return the newest runs that did not fail, newest first, without what they measured."""
    return list(Run.objects.filter(dataset=dataset).exclude(state=Run.State.FAILED).only(*LIGHT)[:RECENT])


def _trains(run: Run, recipe: Recipe) -> bool:
    try:
        return Recipe.from_json(run.recipe) == recipe
    except InvalidRecipe:  # of another version
        return False


def _started(dataset: Dataset, now: datetime) -> list[RetrainDecision]:
    """Return the decisions that started runs within the longest window, newest first, with their runs."""
    since = now - max(WINDOWS.values())
    rows = RetrainDecision.objects.filter(dataset=dataset, started=True, at__gt=since)
    return list(rows.prefetch_related("runs"))


def _last(same: Iterable[Run], labels: int) -> Last | None:
    """Return the newest training of the recipe that counts.

    One that was cancelled counts if it was a retraining: whoever cancelled it wants none until the next
    trigger.  Before a run has frozen its data, what its decision counted stands for it.
    """
    for run in same:
        decided = RetrainDecision.objects.filter(runs=run).first()
        if run.state != Run.State.CANCELLED or decided is not None:
            counted = decided.facts["labels"] if decided else labels
            return Last(run.pk, counted if run.n_train is None else run.n_train, run.created_at)
    return None


def _failures(decisions: Iterable[RetrainDecision]) -> Failures | None:
    """Return how many of the newest retrainings failed in a row; one counts if no run of it did better."""
    failed = []
    for row in decisions:
        runs = list(row.runs.all())
        if not runs or any(run.state != Run.State.FAILED for run in runs):
            break
        failed.append(max(run.finished_at or row.at for run in runs))
    return Failures(len(failed), failed[0]) if failed else None


def _spent(decisions: Iterable[RetrainDecision], now: datetime) -> Iterable[Spent]:
    """Yield what each automatic training has cost; without a receipt the time that it took stands for it."""
    for row in decisions:
        if row.trigger != Trigger.PERSON:
            for run in row.runs.all():
                began = run.started_at or run.finished_at or now
                took = ((run.finished_at or now) - began).total_seconds()
                cost = cost_s(run.receipt)
                yield Spent(row.at, max(0.0, took) if cost is None else cost)


def _estimate(same: Iterable[Run], recipe: Recipe, labels: int) -> float | None:
    """Return what one training would cost: as the last one of the recipe, by the number of steps."""
    for run in same:
        cost = cost_s(run.receipt)
        if cost is not None and run.n_train:
            return cost * recipe.steps(max(1, labels)) / recipe.steps(run.n_train)
    return None
