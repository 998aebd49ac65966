"""Asks the advisers, keeps what they say, and carries out what a person decides on it."""

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from labeling.models import Dataset, Sample, SelectionRound
from labeling.services import opinions
from trainer.engine.recipe import Recipe
from trainer.models import Comparison, Run
from trainer.services import curves, outlooks
from workbench.advice import book
from workbench.advice.facts import ClassCount, Facts, Suggestion, Trial
from workbench.ledger.models import Job
from workbench.models import Advice
from workbench.services import work


def gather_facts(dataset: Dataset) -> Facts:
    """Return what is known of the dataset now."""
    shared, disputed = opinions.disputed(dataset)
    unlabeled = Sample.objects.filter(dataset=dataset).pool().unlabeled()
    finished = curves.latest(dataset)
    return Facts(
        classes=_counts(dataset),
        pool=unlabeled.count(),
        queued=unlabeled.queued().count(),
        shared=shared,
        disputed=len(disputed),
        curve=outlooks.outlook_of(finished) if finished else None,
        curve_coming=_is_coming(dataset),
        trials=tuple(_trials(dataset)),
    )


def _counts(dataset: Dataset) -> tuple[ClassCount, ...]:
    test = Q(split=Sample.Split.TEST)
    rows = (
        dataset.samples.labeled()
        .order_by()
        .values_list("label")
        .annotate(train=Count("pk", filter=~test), test=Count("pk", filter=test))
    )
    found = {label: (train, held_out) for label, train, held_out in rows}
    return tuple(ClassCount(name, *found.get(name, (0, 0))) for name in dataset.classes)


def _is_coming(dataset: Dataset) -> bool:
    unfinished = dataset.curves.real().filter(finished_at=None).values_list("pk", flat=True)
    jobs = Job.objects.open().filter(work="trainer.curves.jobs.curve", params__curve_id__in=list(unfinished))
    return jobs.exists()


def _trials(dataset: Dataset) -> Iterator[Trial]:
    """Yield the comparisons that tell what changed data gained, latest first."""
    rows = Comparison.objects.filter(base__dataset=dataset).select_related("base", "other")
    for row in rows.order_by("-created_at", "-pk"):
        added = {field: _adds(field, row.base, row.other) for field in ("policy", "rebalance")}
        signs = set(added.values()) - {0}
        if len(signs) != 1 or not _are_alike(row.base, row.other, added):
            continue
        sign = signs.pop()
        low, high = sorted((sign * row.low, sign * row.high))
        yield Trial(
            augments=added["policy"] != 0,
            rebalances=added["rebalance"] != 0,
            metric=row.metric,
            n=row.n,
            labels=row.base.n_train or 0,
            gain=sign * row.gain,
            low=low,
            high=high,
        )


def _adds(field: str, base: Run, other: Run) -> int:
    """Return 1 where only the other recipe sets the field, -1 where only the base does, else 0."""
    return (other.recipe[field] is not None) - (base.recipe[field] is not None)


def _are_alike(base: Run, other: Run, added: dict[str, int]) -> bool:
    """Say whether two runs differ in nothing but the fields that one of them adds."""
    ignored = {field for field, sign in added.items() if sign}
    if "policy" in ignored:
        ignored.add("copies")  # means nothing without a policy
    whole = [Recipe.from_json(run.recipe).to_json() for run in (base, other)]  # older rows lack newer fields
    rest = [{k: v for k, v in recipe.items() if k not in ignored} for recipe in whole]
    return rest[0] == rest[1] and base.fingerprint == other.fingerprint


def refresh_advice(dataset: Dataset, now: datetime) -> list[Advice]:
    """Ask the advisers and return the open advice, in speaking order.

    Where they say what they said before, nothing changes; else the new words take the place of the old ones.
    What a person dismissed is not said again word for word.
    """
    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=dataset.pk)  # one refresh at a time
        advice = Advice.objects.filter(dataset=dataset)
        quiet = {_words(row) for row in advice.filter(state=Advice.State.DISMISSED)}
        said = [
            suggestion for suggestion in book.advise(gather_facts(dataset)) if _words(suggestion) not in quiet
        ]
        opened = advice.filter(state=Advice.State.OPEN)
        if [_words(row) for row in opened] != [_words(suggestion) for suggestion in said]:
            opened.update(state=Advice.State.OUTDATED, decided_at=now)
            Advice.objects.bulk_create(_row(dataset, suggestion, now) for suggestion in said)
        return list(advice.filter(state=Advice.State.OPEN))


def _words(said: Advice | Suggestion) -> tuple[str, str, str]:
    return said.adviser, said.action, said.because


def _row(dataset: Dataset, suggestion: Suggestion, now: datetime) -> Advice:
    return Advice(
        dataset=dataset,
        adviser=suggestion.adviser,
        action=suggestion.action,
        because=suggestion.because,
        gain=suggestion.gain,
        low=suggestion.low,
        high=suggestion.high,
        level=suggestion.level,
        n=suggestion.n,
        shown=suggestion.shown,
        labels=suggestion.labels,
        created_at=now,
    )


def take_advice(advice: Advice, *, requested_by: str = "") -> Job | None:
    """Mark the advice as taken and start what it asks for, if a machine can do it; None if nothing started.

    Raises what the work raises, e.g. NothingToLabel; the advice then stays open.
    """
    with transaction.atomic():
        return _start(advice, requested_by) if _decide(advice, Advice.State.TAKEN) else None


def starts_work(advice: Advice) -> bool:
    """Say whether taking the advice starts something; else a person carries it out."""
    return advice.adviser == "draw_curve" or (advice.adviser == "label_more" and advice.labels is not None)


def _start(advice: Advice, requested_by: str) -> Job | None:
    if not starts_work(advice):
        return None
    if advice.adviser == "draw_curve":
        return work.start_curve(advice.dataset, requested_by=requested_by)
    measured = advice.gain is not None  # else it is the first batch, which chance chooses
    strategy = SelectionRound.Strategy.MARGIN if measured else SelectionRound.Strategy.RANDOM
    return work.start_next_round(
        advice.dataset, count=advice.labels or 0, strategy=strategy, requested_by=requested_by
    )


def dismiss_advice(advice: Advice) -> None:
    """Mark open advice as dismissed; it is not given again in the same words."""
    _decide(advice, Advice.State.DISMISSED)


def _decide(advice: Advice, state: Advice.State) -> bool:
    """Write a person's decision; False where the advice is no longer open."""
    still_open = Advice.objects.filter(pk=advice.pk, state=Advice.State.OPEN)
    return bool(still_open.update(state=state, decided_at=timezone.now()))
