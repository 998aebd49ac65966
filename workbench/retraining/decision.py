"""Whether a dataset is trained again now: a rule and the facts in, a decision with its reason out."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from workbench.retraining import budget, schedule
from workbench.retraining.budget import Budget, Spent
from workbench.retraining.schedule import Schedule

BACK_OFF = timedelta(minutes=15)  # after a training that failed; doubles with each that fails after it
LONGEST_BACK_OFF = timedelta(days=1)
MANY = 3  # classes that a sentence names


class Trigger(StrEnum):
    """What asks for a training."""

    FLOOR = "floor"
    LABELS = "labels"
    SCHEDULE = "schedule"
    PERSON = "person"


class Verdict(StrEnum):
    START = "start"
    HOLD = "hold"  # a trigger asks for it, something holds it back
    WAIT = "wait"  # nothing asks for it


@dataclass(frozen=True)
class Rule:
    """When a dataset is trained again by itself; None turns a trigger off."""

    seeds: int = 1  # trainings each time, one seed each
    every_labels: int | None = None
    schedule: Schedule | None = None
    floor: int | None = None  # labels that every class must have
    budget: Budget = field(default_factory=Budget)


class Last(NamedTuple):
    """The newest training of the rule's recipe that counts: not one that failed."""

    run: int
    labels: int
    at: datetime


class Failures(NamedTuple):
    """Retrainings that failed one after the other, up to the newest."""

    in_a_row: int
    at: datetime  # when the newest failed


@dataclass(frozen=True)
class Facts:
    """What is known when a decision is due."""

    counts: tuple[tuple[str, int], ...]  # training labels of each class
    tested: int  # labeled pictures of the test split
    since: datetime  # the schedule counts from then on
    zone: ZoneInfo
    last: Last | None = None
    was_below: bool = False  # at the last look a class was below the floor
    open_run: int | None = None
    failures: Failures | None = None
    spent: tuple[Spent, ...] = ()
    estimate: float | None = None  # seconds of one training
    unreadable: str = ""  # what is wrong with the rule's recipe

    @property
    def labels(self) -> int:
        return sum(count for _, count in self.counts)

    @property
    def new_labels(self) -> int:
        return self.labels - (self.last.labels if self.last else 0)

    @property
    def anchor(self) -> datetime:
        """From when on a moment of the schedule has not been answered."""
        return max(self.since, self.last.at) if self.last else self.since


@dataclass(frozen=True)
class Decision:
    """Equal `trigger` and `why` say the same thing twice; `reason` says it to a person."""

    verdict: Verdict
    trigger: Trigger | None
    why: str
    reason: str
    until: datetime | None = None  # when it may be otherwise, where that is known


class Outlook(NamedTuple):
    """What has to happen before the next training: the first of these."""

    labels: int | None  # this many more
    at: datetime | None
    missing: tuple[tuple[str, int], ...]  # classes below the floor, and what each lacks


class _Asked(NamedTuple):
    trigger: Trigger
    words: str


class _Held(NamedTuple):
    why: str
    words: str
    until: datetime | None = None


def decide(rule: Rule, facts: Facts, now: datetime) -> Decision:
    """Say whether to train, and why or why not."""
    asked = _asked(rule, facts, now)
    if asked is None:
        return Decision(
            Verdict.WAIT, None, "not due", "Nothing asks for a training.", outlook(rule, facts).at
        )
    held = (
        hinder(facts)
        or _below_floor(rule, facts)
        or _backing_off(facts, now)
        or _over_budget(rule, facts, now)
    )
    if held:
        return Decision(
            Verdict.HOLD, asked.trigger, held.why, f"{asked.words}, but {held.words}.", held.until
        )
    return Decision(Verdict.START, asked.trigger, "started", f"{asked.words}.")


def outlook(rule: Rule, facts: Facts) -> Outlook:
    """Return what the next training waits for."""
    labels = None if rule.every_labels is None else max(0, rule.every_labels - facts.new_labels)
    at = None if rule.schedule is None else schedule.next_due(rule.schedule, facts.anchor, facts.zone)
    return Outlook(labels, at, _missing(rule, facts))


def hinder(facts: Facts) -> _Held | None:
    """Return what keeps anybody from training, a person too."""
    if facts.unreadable:
        return _Held("recipe", f"the rule's recipe cannot be used: {facts.unreadable}")
    if facts.open_run is not None:
        return _Held("open", f"run {facts.open_run} of this dataset is not over")
    if facts.tested == 0:
        return _Held("no test", "no test picture has a label, so nothing could be measured")
    if sum(count > 0 for _, count in facts.counts) < 2:
        return _Held("one class", "training needs labels of at least two classes")
    return None


def moment(at: datetime, zone: ZoneInfo) -> str:
    """24 Nov 2026, 03:00 (Europe/Berlin)"""
    return f"{at.astimezone(zone):%d %b %Y, %H:%M} ({zone.key})"


def _asked(rule: Rule, facts: Facts, now: datetime) -> _Asked | None:
    """Return the first trigger that asks for a training."""
    if rule.floor is not None and facts.was_below and not _missing(rule, facts):
        return _Asked(Trigger.FLOOR, f"The last class has reached {_count(rule.floor, 'training label')}")
    if rule.every_labels is not None and facts.new_labels >= rule.every_labels:
        since = f"since run {facts.last.run}" if facts.last else "and no training of this recipe"
        new = _count(facts.new_labels, "new label")
        return _Asked(Trigger.LABELS, f"There are {new} {since} (asked for: every {rule.every_labels})")
    due = rule.schedule and schedule.last_due(rule.schedule, facts.anchor, now, facts.zone)
    if due:
        return _Asked(Trigger.SCHEDULE, f"The schedule was due on {moment(due, facts.zone)}")
    return None


def _missing(rule: Rule, facts: Facts) -> tuple[tuple[str, int], ...]:
    floor = rule.floor or 0
    return tuple((name, floor - count) for name, count in facts.counts if count < floor)


def _below_floor(rule: Rule, facts: Facts) -> _Held | None:
    missing = _missing(rule, facts)
    if not missing:
        return None
    named = ", ".join(f"{name} lacks {lack}" for name, lack in missing[:MANY])
    more = f" and {len(missing) - MANY} more" if len(missing) > MANY else ""
    return _Held("floor", f"not every class has {rule.floor} training labels: {named}{more}")


def _backing_off(facts: Facts, now: datetime) -> _Held | None:
    if facts.failures is None:
        return None
    n, at = facts.failures
    until = at + min(BACK_OFF * 2 ** min(n - 1, 20), LONGEST_BACK_OFF)  # the exponent stays a small number
    if until <= now:
        return None
    failed = "the last training failed" if n == 1 else f"the last {n} trainings failed"
    return _Held("back-off", f"{failed}; the next try is on {moment(until, facts.zone)}", until)


def _over_budget(rule: Rule, facts: Facts, now: datetime) -> _Held | None:
    seconds = None if facts.estimate is None else facts.estimate * rule.seeds
    free = budget.free_at(rule.budget, facts.spent, now, trainings=rule.seeds, seconds=seconds)
    if free is not None and free <= now:
        return None
    if free is None:
        need = _count(rule.seeds, "training") + (f" of about {seconds:,.0f} s together" if seconds else "")
        return _Held("budget too small", f"the whole budget is too small for {need}")
    return _Held("budget", f"the budget is used up until {moment(free, facts.zone)}", free)


def _count(n: int, word: str) -> str:
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"
