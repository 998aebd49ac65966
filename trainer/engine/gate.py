"""Whether a candidate takes the place of the current model: two models on the same test items, one rule.

Light: numpy only.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from trainer.engine import comparison, metrics
from trainer.engine.comparison import Difference
from trainer.engine.intervals import Ints
from trainer.engine.metrics import Probs

METRICS = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy"}
BETTER, NOT_WORSE, BY_HAND = "better", "not-worse", "by-hand"
RULES = {
    BETTER: "promote what is shown better",
    NOT_WORSE: "promote what is not shown worse",
    BY_HAND: "judge, but let people promote",
}
LEVEL = 0.95
MARGINS = (0.0, 0.2)  # a margin is a fraction


class InvalidRule(ValueError):
    """A rule that makes no sense; the message names the value and what is allowed."""


@dataclass(frozen=True)
class Rule:
    """What a candidate has to show.  By hand it is judged as "better", and nothing follows from it."""

    metric: str = "accuracy"
    kind: str = BETTER
    margin: float = 0.01  # of "not-worse": the largest loss that is borne, a fraction

    def __post_init__(self) -> None:
        for name, value, allowed in (("metric", self.metric, METRICS), ("rule", self.kind, RULES)):
            if value not in allowed:
                raise InvalidRule(f"The {name} must be one of {', '.join(allowed)}, got {value!r}.")
        if not MARGINS[0] <= self.margin <= MARGINS[1]:
            raise InvalidRule(f"The margin must lie in [{MARGINS[0]:g}, {MARGINS[1]:g}], got {self.margin}.")

    def words(self) -> str:
        """Return the rule as a person reads it."""
        metric = METRICS[self.metric]
        first = (
            "The first version is promoted where its 95 % interval lies above"
            f" {'guessing the largest class' if self.metric == 'accuracy' else 'guessing'}."
        )
        if self.kind == NOT_WORSE:
            return (
                f"A candidate is promoted when its measured {metric} is at least that of the current version"
                f" and the 95 % paired interval excludes a loss of more than {100 * self.margin:g} points."
                f" {first}"
            )
        what = f"the 95 % paired interval of its gain in {metric} lies above 0"
        if self.kind == BETTER:
            return (
                f"A candidate is promoted when it is shown better: {what}. Where nothing is shown either way,"
                f" it stays a candidate. {first}"
            )
        return f"People alone promote here. A candidate counts as shown better when {what}."


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a candidate; gain, low and high are fractions, candidate - current."""

    promotes: bool
    reason: str  # a sentence or two for a person
    metric: str = ""
    n: int = 0  # shared test items
    value: float | None = None  # the candidate's
    against: int | None = None  # number of the version that was current; None for the first
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    level: float = LEVEL
    fixed: int = 0  # items that the current version has wrong and the candidate right
    broken: int = 0

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def judge_first(probs: Probs, labels: Ints, rule: Rule) -> Verdict:
    """Judge the first version of a dataset: it must beat guessing by the lower end of its interval.

    For accuracy the guess is the largest class of the test set (Wilson interval), for balanced accuracy one
    of the classes there (metrics.evaluate says which interval).
    """
    report = metrics.evaluate(probs, labels, np.random.default_rng(0))
    counts = np.bincount(labels)
    found, guess, name = report.accuracy, counts.max() / counts.sum(), "guessing the largest class"
    if rule.metric == "balanced_accuracy":
        found, guess, name = report.balanced_accuracy, 1 / np.count_nonzero(counts), "guessing"
    beats = bool(found.low > guess)
    reason = (
        f"Nothing to compare with yet. It {'beats' if beats else 'is not shown to beat'} {name}"
        f" ({100 * guess:.1f} %): {METRICS[rule.metric]} {100 * found.value:.1f} %, 95 % interval"
        f" {100 * found.low:.1f} to {100 * found.high:.1f}, n = {report.n:,}."
    )
    return Verdict(beats and rule.kind != BY_HAND, reason, rule.metric, report.n, found.value)


def judge(current: Probs, candidate: Probs, labels: Ints, rule: Rule, *, number: int, seed: int) -> Verdict:
    """Judge a candidate against the current version, whose number is told, on the same N test items.

    Of two models that are equally good, "better" promotes the candidate in 0.3 to 4.7 % of 300 draws of 30
    to 500 items, nominally in 2.5 %: one end of the interval.
    """
    compared = comparison.compare(current, candidate, labels, np.random.default_rng(seed))
    found = next(difference for difference in compared if difference.metric == rule.metric)
    report = metrics.evaluate(candidate, labels, np.random.default_rng(seed))
    return Verdict(
        promotes=_passes(found, rule) and rule.kind != BY_HAND,
        reason=_reason(found, rule, number),
        metric=rule.metric,
        n=found.n,
        value=getattr(report, rule.metric).value,
        against=number,
        gain=found.gain,
        low=found.low,
        high=found.high,
        fixed=found.fixed,
        broken=found.broken,
    )


def _passes(found: Difference, rule: Rule) -> bool:
    if rule.kind == NOT_WORSE:  # asking for a gain too keeps many small losses from adding up
        return found.low > -rule.margin and found.gain >= 0
    return found.low > 0


def _reason(found: Difference, rule: Rule, number: int) -> str:
    return (
        f"{_finding(found, rule)} version {number}: {_points(found.gain)} points of {METRICS[rule.metric]}"
        f" (95 % paired interval {_points(found.low)} to {_points(found.high)}, n = {found.n:,});"
        f" {found.fixed:,} test pictures fixed, {found.broken:,} broken."
    )


def _finding(found: Difference, rule: Rule) -> str:
    if found.low > 0:
        return "Shown better than"
    if found.high < 0:
        return "Shown worse than"
    if rule.kind == NOT_WORSE:
        within = f"more than {100 * rule.margin:g} points worse than"
        return f"Shown to be not {within}" if found.low > -rule.margin else f"It may be {within}"
    return "Neither better nor worse is shown against"


def _points(fraction: float) -> str:
    return f"{100 * fraction:+.1f}".replace("-", "\N{MINUS SIGN}")
