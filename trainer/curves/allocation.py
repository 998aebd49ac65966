"""Which classes to buy labels of, so that the expected error falls most for the money.

Source: Tae & Whang 2021, "Slice Tuner: a selective data acquisition framework", sections 4 and 5.  Unlike
there, the program is solved exactly by bisection on its multiplier, fairness included; a purchase that would
move the class ratio too far is mixed with one that keeps it, instead of being cut short; and a fifth of each
purchase comes as the pool comes, which guards against classes that learn at the cost of others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from trainer.curves.families import Floats
from trainer.curves.outlook import Forecast, Law

FAIRNESS = 0.1  # weight of classes that err more than the average (the paper's lambda)
AS_IT_COMES = 0.2  # share of a purchase that follows the pool
RATIO_STEP = 1.0  # by how much one purchase may move the ratio of the largest to the smallest class,
MENDING = 2.0  # or by which factor bring it down, where that is more
MIXES = 100  # steps in which a purchase is held back
TINY = 1e-9


class Slice(NamedTuple):
    """What is known of one class: its error with n of its own labels, and what more of them cost."""

    law: Law
    labels: int  # that it has
    cost: float = 1.0  # of one more label, in any unit of money
    weight: float = 1.0  # of its error in the objective, against the other classes'
    pool: float = np.inf  # unlabeled pictures of it to be expected; inf where nobody knows


@dataclass(frozen=True)
class Purchase:
    """How many labels of each class to buy, in the order of the classes."""

    counts: tuple[int, ...]
    as_it_comes: tuple[int, ...]  # what the same money buys when pictures are taken as the pool comes
    targeted: float  # in [0, 1]: how much of the best mix the limit on the class ratio left
    ratio: tuple[float, float]  # largest to smallest class, before and after
    left: float  # money that found no picture to be spent on

    @property
    def caution(self) -> str:
        """Why this is not the best mix, in words; "" where it is."""
        if self.targeted == 1:
            return ""
        before, after = self.ratio
        if self.targeted == 0:
            return (
                f"The ratio of the largest to the smallest class goes from {before:.1f} to {after:.1f}: "
                "what waits allows no better."
            )
        return (
            f"Held to {100 * self.targeted:.0f} % of the best mix: the ratio of the largest to the smallest "
            f"class goes from {before:.1f} to {after:.1f}, far enough before the next training."
        )


@dataclass(frozen=True)
class _Table:
    """Slices as columns (K,); weights have mean 1."""

    floor: Floats
    scale: Floats
    rate: Floats
    labels: Floats
    cost: Floats
    weight: Floats
    pool: Floats

    @property
    def error(self) -> Floats:
        return np.asarray(np.minimum(self.floor + self.scale * self.labels**-self.rate, 1))

    @property
    def share(self) -> Floats:
        """Of each class in the pool; as among the labels where the pool is not known."""
        pictures = self.pool if np.isfinite(self.pool).all() else self.labels
        return np.asarray(pictures / pictures.sum() if pictures.sum() > 0 else np.full_like(pictures, 0.0))


def laws(forecasts: Sequence[Forecast]) -> tuple[Law, ...]:
    """Return the law of each class; one without a forecast of its own borrows.

    It takes the medians of the others: what is not known of a class is likely what is known of the rest.
    A class whose test items were all recognized has nothing left to learn.
    Raises ValueError where no class has a law.
    """
    known = [one.law for one in forecasts if one.law is not None]
    if not known:
        raise ValueError("no class has a forecast, so nothing says which of them to buy")
    typical = Law(*np.median(known, axis=0).tolist())
    learned = Law(0.0, 0.0, typical.rate)
    return tuple(one.law or (learned if one.last_value == 1 else typical) for one in forecasts)


def _table(slices: Sequence[Slice]) -> _Table:
    if not slices:
        raise ValueError("an allocation needs at least one class, got none")
    laws = np.array([one.law for one in slices], float)
    labels, cost, weight, pool = np.array([one[1:] for one in slices], float).T
    if not (np.isfinite(laws).all() and (laws >= 0).all() and (laws[:, 2] > 0).all()):
        raise ValueError(f"laws need floor, scale >= 0 and rate > 0, got {laws.tolist()}")
    if not ((cost > 0).all() and min(weight.min(), labels.min(), pool.min()) >= 0 and weight.any()):
        raise ValueError(
            "costs must be positive; labels, weights and pools not negative; one weight positive"
        )
    # a power law knows no class without labels: it counts as one of a single label
    floor, scale, rate = laws.T
    return _Table(floor, scale, rate, np.maximum(labels, 1), cost, weight / weight.mean(), np.floor(pool))


def optimum(slices: Sequence[Slice], budget: float, fairness: float = FAIRNESS) -> Floats:
    """Return the best purchase d (K,) of real numbers: sum(cost * d) = budget, 0 <= d <= pool.

    It minimizes sum of weight * error(labels + d) + fairness * max(0, error(labels + d) / A - 1), where A is
    the mean error today.  Where the pool is worth less than the budget all of it is bought.
    """
    return _optimum(_table(slices), budget, fairness)


def _optimum(table: _Table, budget: float, fairness: float) -> Floats:
    """Bisect on mu, the fall of the objective that one more unit of money buys.

    For a given mu a class grows to where its own fall per money is mu, which is at
    (a * b * v / (mu * cost))^(1 / (a + 1)) labels; v is its weight, plus fairness / A until its error has
    come down to A.  Both these sizes and the one at A are known in closed form: no gradient to follow.
    """
    if not (table.scale * table.weight).any():  # no class learns: no mix is better than another
        return _spread(table.share, table, budget)
    mean = float(np.average(table.error, weights=table.weight))
    burden = np.array([table.weight + fairness / max(mean, TINY), table.weight])
    with np.errstate(divide="ignore", over="ignore"):
        pull = np.log(table.rate * table.scale * burden / table.cost)  # (2, K)
        excess = np.maximum(mean - table.floor, 0) / np.maximum(table.scale, TINY)
        at_mean = np.where(excess > 0, excess ** (-1 / table.rate), np.inf)
    steepest = (pull - (table.rate + 1) * np.log(table.labels)).max()

    def bought(log_mu: float) -> Floats:
        with np.errstate(over="ignore"):
            above, below = np.exp((pull - log_mu) / (table.rate + 1))
        return np.asarray(np.clip(np.clip(at_mean, below, above) - table.labels, 0, table.pool))

    return _bisected(bought, table, budget, steepest - 200, steepest)


def _spread(share: Floats, table: _Table, budget: float) -> Floats:
    """Return a purchase in proportion to share (K,), as far as the pool has it."""
    if not share.any():
        return np.zeros_like(share)

    def bought(log_part: float) -> Floats:
        return np.asarray(np.minimum(np.exp(-log_part) * share, table.pool))

    top = np.log(budget + 1) + 60
    return _bisected(bought, table, budget, -top, top)


def _bisected(
    bought: Callable[[float], Floats], table: _Table, budget: float, low: float, high: float
) -> Floats:
    """Return bought(t) where it costs the budget; it falls with t, from too much at `low` to too little."""
    for _ in range(100):
        middle = (low + high) / 2
        if table.cost @ bought(middle) > budget:
            low = middle
        else:
            high = middle
    return bought(high)


def allocate(
    slices: Sequence[Slice],
    budget: float,
    *,
    fairness: float = FAIRNESS,
    as_it_comes: float = AS_IT_COMES,
    ratio_step: float = RATIO_STEP,
    mending: float = MENDING,
) -> Purchase:
    """Return the next purchase in whole pictures.

    Its cost is the budget: exactly where all classes cost 1 and the pool suffices, else up to one picture.
    A share `as_it_comes` follows the pool, the rest the optimum.  Where that would move the ratio of the
    largest to the smallest class by more than ratio_step, part of the rest follows the classes as they are
    labeled, which keeps the ratio; after the next training the rest of the way may follow.  Unlike in the
    paper, whose classes start out equal, a ratio that falls may fall by the factor `mending`; the paper's
    rule is mending = 1.  By it, 200 labels for classes of 300, 200 and 30 with errors of 0.02 + 2 n^-0.5
    would gain 3.4 points of mean recall, as they come 3.0, halved 5.7 and without any limit 7.7.
    Raises ValueError where a law, a cost or a share makes no sense.
    """
    _check(budget, fairness, as_it_comes, ratio_step, mending)
    table = _table(slices)
    guard = _spread(table.share, table, as_it_comes * budget)
    rest = max(budget - float(table.cost @ guard), 0.0)
    after = replace(table, labels=table.labels + guard, pool=table.pool - guard)
    best = _all_spent(_optimum(after, rest, fairness), after, rest)
    kept = _spread(table.labels, after, rest)
    before = _ratio(table.labels)
    for part in np.linspace(1, 0, MIXES + 1):
        counts = _whole(guard + part * best + (1 - part) * kept, table, budget)
        ratio = _ratio(table.labels + counts)
        if min(before - ratio_step, before / mending) <= ratio <= before + ratio_step:
            break
    plain = _whole(_spread(table.share, table, budget), table, budget)
    left = max(budget - float(table.cost @ counts), 0.0)
    return Purchase(_integers(counts), _integers(plain), float(part), (before, ratio), left)


def _all_spent(bought: Floats, table: _Table, budget: float) -> Floats:
    """Return the purchase with what the optimum left: where no class learns more, pictures as they come."""
    left = replace(table, pool=table.pool - bought)
    return bought + _spread(table.share, left, max(budget - float(table.cost @ bought), 0.0))


def _check(budget: float, fairness: float, as_it_comes: float, ratio_step: float, mending: float) -> None:
    if not (budget > 0 and fairness >= 0 and 0 <= as_it_comes <= 1 and ratio_step >= 0 and mending >= 1):
        raise ValueError(
            "budget must be positive, fairness and ratio_step not negative, as_it_comes in [0, 1], mending "
            f"at least 1, got {budget}, {fairness}, {ratio_step}, {as_it_comes}, {mending}"
        )


def _ratio(labels: Floats) -> float:
    return float(labels.max() / labels.min())


def _whole(bought: Floats, table: _Table, budget: float) -> Floats:
    """Return whole pictures: rounded down, then one more each by largest remainder while money lasts."""
    counts: Floats = np.floor(bought + TINY)
    room = table.pool - counts
    money = min(budget, float(table.cost @ bought)) + TINY * budget - float(table.cost @ counts)
    for c in np.argsort(counts - bought, kind="stable"):
        if room[c] >= 1 and bought[c] > counts[c] and table.cost[c] <= money:
            counts[c] += 1
            money -= table.cost[c]
    return counts


def _integers(counts: Floats) -> tuple[int, ...]:
    return tuple(int(count) for count in counts)
