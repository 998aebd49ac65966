"""Whether another model is better than a base, on the same test items.

Light: numpy only.  Shapes as in metrics.py.  All intervals are 95 %.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from trainer.engine import intervals, metrics
from trainer.engine.intervals import RESAMPLES, Z95, Interval, Ints
from trainer.engine.metrics import Probs

COMPARED = metrics.SCORES
COMPARED_LOSSES = ("nll", "brier")  # means over items; an ECE is none
Z_POWER = 0.8416212335729143  # 80 % quantile of the Normal law: a true difference is seen in 80 % of trials


class Difference(NamedTuple):
    """How much the other model gained on the base in one metric; up is good."""

    metric: str
    n: int
    gain: float
    low: float
    high: float
    p_value: float | None  # exact McNemar; accuracy only
    fixed: int  # wrong in base, right in other
    broken: int


class Changed(NamedTuple):
    """Row numbers of the test items that one model calls right and the other wrong."""

    fixed: Ints  # wrong in base, right in other
    broken: Ints


def compare(base: Probs, other: Probs, labels: Ints, rng: np.random.Generator) -> tuple[Difference, ...]:
    """Return the paired differences of two models on the same test items, one per COMPARED metric.

    The interval is a percentile bootstrap, stratified by class: both models are scored on the same drawn
    items.  Items of one class on which both models say the same are alike to every metric here, so a draw
    of items is one multinomial draw over (truth, base's call, other's call).
    """
    fixed, broken = map(len, changed(base, other, labels))
    calls = np.stack([base.argmax(1), other.argmax(1)])
    counts = np.bincount(labels, minlength=base.shape[1]).astype(np.int64)
    tables = [metrics.confusion(labels, c, base.shape[1]) for c in calls]
    seen = [metrics.macro_scores(t.diagonal()[None], t.sum(0)[None], counts)[:, 0] for t in tables]
    drawn = [metrics.macro_scores(*sums, counts) for sums in _resampled_pairs(calls, labels, counts, rng)]
    gains = seen[1] - seen[0]
    lows, highs = np.quantile(drawn[1] - drawn[0], [0.025, 0.975], axis=1)
    p_values = (mcnemar(fixed, broken), None, None)
    return tuple(
        Difference(metric, len(labels), gain, low, high, p_value, fixed, broken)
        for metric, gain, low, high, p_value in zip(
            COMPARED, gains.tolist(), lows.tolist(), highs.tolist(), p_values, strict=True
        )
    )


def compare_losses(base: Probs, other: Probs, labels: Ints, rng: np.random.Generator) -> dict[str, Interval]:
    """Return by how much the other's COMPARED_LOSSES lie below the base's: up is good, as everywhere.

    Paired percentile bootstrap, stratified by class.
    """
    _check(base, other, labels)
    gains = metrics.item_losses(base, labels) - metrics.item_losses(other, labels)
    sums = intervals.resampled_sums(gains, labels, rng)
    return {
        name: intervals.percentiles(float(gains[:, i].mean()), sums[:, i] / len(labels))
        for i, name in enumerate(COMPARED_LOSSES)
    }


def changed(base: Probs, other: Probs, labels: Ints) -> Changed:
    """Return the rows of the items fixed and broken, in the order of the test set."""
    _check(base, other, labels)
    was, now = (probs.argmax(1) == labels for probs in (base, other))
    return Changed(np.flatnonzero(~was & now), np.flatnonzero(was & ~now))


def mcnemar(fixed: int, broken: int) -> float:
    """Return the exact two-sided p-value that items fixed and broken are equally likely (McNemar 1947).

    Twice the smaller tail of a fair coin; each term by its logarithm from the one before, so that test sets
    of any size take milliseconds.
    """
    n, smaller = fixed + broken, min(fixed, broken)
    k = np.arange(1, smaller + 1)
    logs = np.cumsum(np.log((n - k + 1) / k)) - n * math.log(2)
    return min(1.0, 2 * float(np.exp(logs).sum() + 0.5**n))


def items_needed(difference: float, discordance: float) -> float:
    """Return how many test items show a true difference of accuracy in 80 % of trials, at the 5 % level.

    discordance is the share of items that one model calls right and the other wrong; difference lies in
    (0, discordance].  Source: Connor 1987, "Sample size for testing differences in proportions for the
    paired-sample design".
    """
    if not 0 < difference <= discordance <= 1:
        raise ValueError(f"0 < difference <= discordance <= 1 must hold, got {difference}, {discordance}")
    spread = Z95 * math.sqrt(discordance) + Z_POWER * math.sqrt(discordance - difference**2)
    return (spread / difference) ** 2


def smallest_difference(n: int, discordance: float) -> float | None:
    """Return the smallest true difference of accuracy that n test items show (items_needed, solved for it).

    None where the models differ on so few items that not even one-sided changes would be shown.
    """
    if discordance <= 0 or items_needed(discordance, discordance) > n:
        return None
    return intervals.bisect(lambda d: n - items_needed(d, discordance), 0.0, discordance)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the p-values as they count when all these comparisons are looked at together (Holm 1979).

    The smallest is multiplied by their number m, the next by m - 1 and so on; their order stays.
    """
    order = np.argsort(p_values, kind="stable")
    grown = np.asarray(p_values)[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(grown))
    return tuple(adjusted.tolist())


def _check(base: Probs, other: Probs, labels: Ints) -> None:
    metrics.check(base, labels)
    metrics.check(other, labels)


def _resampled_pairs(
    calls: Ints, labels: Ints, counts: Ints, rng: np.random.Generator
) -> list[tuple[Ints, Ints]]:
    """Return for both models right and called, (RESAMPLES, K) each, over the same stratified draws."""
    k = len(counts)
    right, called = np.zeros((2, 2, RESAMPLES, k), np.int64)
    for c in np.flatnonzero(counts):
        pairs, times = np.unique(calls[:, labels == c], axis=1, return_counts=True)
        # (RESAMPLES, pairs), as floats: 10,000 items of 100 classes take 0.9 CPU-s, as whole numbers 2.1
        drawn = rng.multinomial(counts[c], times / counts[c], RESAMPLES).astype(np.float64)
        for model in (0, 1):
            said = (drawn @ np.eye(k)[pairs[model]]).astype(np.int64)
            called[model] += said
            right[model, :, c] = said[:, c]
    return list(zip(right, called, strict=True))
