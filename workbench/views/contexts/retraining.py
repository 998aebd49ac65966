"""What the retraining page and the JSON API show: the rule, when it is due, what it spent, why it ran."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django.utils import timezone

from labeling.models import Dataset
from trainer.engine.recipe import InvalidRecipe
from trainer.models import Run
from workbench.models import RetrainDecision, RetrainRule
from workbench.retraining import budget, decision
from workbench.retraining.decision import Decision, Facts, Rule, Verdict
from workbench.services import retrain_facts
from workbench.services.retrain_facts import rule_of, terms

DECISIONS_SHOWN = 20
TRIGGERS = {
    "floor": "a class reached the floor",
    "labels": "new labels",
    "schedule": "schedule",
    "person": "a person",
}
LENGTHS = {"day": "24 hours", "month": "30 days"}


@dataclass(frozen=True)
class RuleView:
    """A rule as it can be sent back to the API."""

    enabled: bool
    recipe: str | dict[str, Any]  # a name, or all choices
    seeds: int
    every_labels: int | None
    schedule: str
    every_hours: int | None
    weekday: int | None
    at: time | None
    floor: int | None
    window: str
    max_trainings: int | None
    max_seconds: int | None
    promote: str


@dataclass(frozen=True)
class StartedRun:
    id: int
    name: str
    state: str
    error: str
    model: str  # the version that came of it, and what the gate said; "" while there is none


@dataclass(frozen=True)
class DecisionRow:
    at: datetime
    trigger: str
    started: bool
    why: str
    reason: str
    by: str
    runs: tuple[StartedRun, ...]
    facts: dict[str, Any]

    @property
    def asked_by(self) -> str:
        return TRIGGERS.get(self.trigger, self.trigger)


@dataclass(frozen=True)
class Next:
    """When the next training is due: the first of what is not None."""

    state: str  # "off", "waits", "held" or "due"
    words: str  # short, for a tile
    more: str  # one sentence beneath it
    labels: int | None
    at: datetime | None


@dataclass(frozen=True)
class BudgetView:
    trainings: int
    seconds: float
    max_trainings: int | None
    max_seconds: int | None
    window: str
    estimate_s: float | None  # of the next retraining, all seeds together; None before the first


@dataclass(frozen=True)
class RetrainPage:
    rule: RuleView
    kept: bool  # False: nobody has saved a rule yet
    changed_by: str
    changed_at: datetime | None
    labels: int  # training labels now
    new_labels: int  # since the last training of the recipe
    last_run: int | None
    next: Next
    budget: BudgetView
    hindrance: str  # what keeps a person too from training now, "" where nothing does
    decisions: tuple[DecisionRow, ...]
    zone: str
    in_words: tuple[tuple[str, str], ...]


def retrain_page(dataset: Dataset) -> RetrainPage:
    rule, now = rule_of(dataset), timezone.now()
    facts, asked = retrain_facts.gather(rule, now), terms(rule)
    held = decision.hinder(facts)
    return RetrainPage(
        rule=rule_view(rule),
        kept=rule.pk is not None,
        changed_by=rule.changed_by,
        changed_at=rule.changed_at if rule.pk else None,
        labels=facts.labels,
        new_labels=facts.new_labels,
        last_run=facts.last.run if facts.last else None,
        next=_next(rule, asked, facts, now),
        budget=_budget(rule, asked, facts, now),
        hindrance=held.words if held else "",
        decisions=decision_rows(dataset),
        zone=facts.zone.key,
        in_words=_in_words(rule, asked),
    )


def rule_view(rule: RetrainRule) -> RuleView:
    try:
        own = retrain_facts.chosen_recipe(rule).to_json() if rule.own_recipe is not None else None
    except InvalidRecipe:  # of another version: shown as it was kept
        own = rule.own_recipe
    return RuleView(
        enabled=rule.enabled,
        recipe=rule.recipe_name if own is None else own,
        seeds=rule.seeds,
        every_labels=rule.every_labels,
        schedule=rule.schedule,
        every_hours=rule.every_hours,
        weekday=rule.weekday,
        at=rule.at,
        floor=rule.floor,
        window=rule.window,
        max_trainings=rule.max_trainings,
        max_seconds=rule.max_seconds,
        promote=rule.promote,
    )


def _in_words(rule: RetrainRule, asked: Rule) -> tuple[tuple[str, str], ...]:
    def so_many(count: int | None, words: str) -> str:
        return "no" if count is None else words.format(f"{count:,}")

    return (
        ("By itself", "on" if rule.enabled else "off"),
        ("New labels", so_many(rule.every_labels, "every {}")),
        ("Schedule", str(asked.schedule) if asked.schedule else "no"),
        ("Labels in every class", so_many(rule.floor, "at least {}")),
        ("Recipe", rule.recipe_name or "a recipe of its own"),
        ("Trainings each time", str(rule.seeds)),
        ("Trainings at most", so_many(rule.max_trainings, f"{{}} in any {LENGTHS[rule.window]}")),
        ("Seconds of computing at most", so_many(rule.max_seconds, f"{{}} in any {LENGTHS[rule.window]}")),
        ("Promote the new model", "if it passes the gate" if rule.promote == "gate" else "never by itself"),
    )


def decision_rows(dataset: Dataset) -> tuple[DecisionRow, ...]:
    rows = RetrainDecision.objects.filter(dataset=dataset).prefetch_related("runs__version")[:DECISIONS_SHOWN]
    return tuple(
        DecisionRow(
            row.at,
            row.trigger,
            row.started,
            row.why,
            row.reason,
            row.by,
            tuple(_started_run(run) for run in row.runs.all()),
            row.facts,
        )
        for row in rows
    )


def _started_run(run: Run) -> StartedRun:
    version = getattr(run, "version", None)  # of a one-to-one: absent where the run has none
    said = (version.verdict or {}).get("reason", "The gate has not judged it yet.") if version else ""
    model = f"Version {version.number}, {version.state}: {said}" if version else ""
    return StartedRun(run.pk, run.name, run.state, run.error, model)


def _next(rule: RetrainRule, asked: Rule, facts: Facts, now: datetime) -> Next:
    if not rule.enabled:
        return Next("off", "Off", "Only people start trainings of this dataset.", None, None)
    made, ahead = decision.decide(asked, facts, now), decision.outlook(asked, facts)
    if made.verdict == Verdict.START:
        return Next("due", "Now", f"{made.reason} It starts within half a minute.", 0, now)
    if made.verdict == Verdict.HOLD:
        return Next("held", _held_words(made, facts), made.reason, ahead.labels, made.until)
    parts = []
    if ahead.labels is not None:
        parts.append(f"After {ahead.labels:,} more label{'s' if ahead.labels != 1 else ''}")
    if ahead.at is not None:
        parts.append(decision.moment(ahead.at, facts.zone))
    if ahead.missing:
        parts.append(f"When every class has {rule.floor:,} labels")
    more = "Whichever comes first." if len(parts) > 1 else ""
    return Next("waits", " or ".join(parts) or "Nothing ahead", more, ahead.labels, ahead.at)


def _held_words(made: Decision, facts: Facts) -> str:
    return f"Not before {decision.moment(made.until, facts.zone)}" if made.until else "Held back"


def _budget(rule: RetrainRule, asked: Rule, facts: Facts, now: datetime) -> BudgetView:
    held = budget.account(facts.spent, asked.budget.window, now)
    estimate = None if facts.estimate is None else facts.estimate * rule.seeds
    return BudgetView(
        held.trainings,
        held.seconds,
        rule.max_trainings,
        rule.max_seconds,
        f"in the last {LENGTHS[rule.window]}",
        estimate,
    )
