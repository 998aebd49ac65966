"""Which size of a curve to train once more, so that its forecast narrows most for the work.

A repeat is worth what it takes from the noise of its size: the curve is fitted again as if that size had one
run more with the same mean.  After one run a size that was N or N/2
for 78 of 100 curves of LCDB 1.1 where every training cost the same, and for 60 where one with n labels cost
12 sqrt(n) steps; for 8 no size was worth it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from trainer.curves import fit
from trainer.curves.families import Floats
from trainer.curves.fit import Points

AHEAD = 2.0  # times the largest size: where the band counts, where nobody names another place
BAND = (0.05, 0.95)
WORTH = 2e-4  # of score: a band that narrows by less than 0.02 points is not worth a training


class Choice(NamedTuple):
    """A size to train once more, and by how much that narrows the 90 % band at the target."""

    n: int
    band: float  # width today, in score
    narrows: float  # less of it, to be expected
    cost: float  # of the training, in the unit of the costs given


def next_size(
    n: Sequence[int],
    runs: Sequence[Sequence[float]],
    *,
    chance_error: float,
    n_test: int,
    cost: Callable[[int], float],
    target: float | None = None,
) -> Choice | None:
    """Return the training that narrows the band at `target` labels most per cost; None if none does by WORTH.

    runs[k] holds the errors with n[k] labels; target is AHEAD times the largest size where none is given.
    cost(n) is what a training with n labels takes in any unit, above 0: Recipe.steps, or measured seconds.
    Deterministic; of equals the larger size.
    """
    points = fit.summarize(n, runs, n_test)
    place = np.array([AHEAD * points.n[-1] if target is None else target])
    widths = [_width(one, chance_error, place) for one in (points, *_repeated(points, runs))]
    costs = np.array([cost(int(size)) for size in n], float)
    if not (costs > 0).all():
        raise ValueError(f"a training must cost something, got {costs.tolist()}")
    narrows = widths[0] - np.array(widths[1:])
    if narrows.max() < WORTH:
        return None
    best = len(n) - 1 - int(np.argmax((np.where(narrows < WORTH, 0, narrows) / costs)[::-1]))
    return Choice(int(n[best]), widths[0], float(narrows[best]), float(costs[best]))


def _repeated(points: Points, runs: Sequence[Sequence[float]]) -> list[Points]:
    """Return the points with one run more at each size in turn: its variance falls by R / (R + 1)."""
    times = np.array([len(errors) for errors in runs])
    shrunk = points.variance * np.where(np.eye(len(times), dtype=bool), times / (times + 1), 1.0)
    return [replace(points, variance=variance) for variance in shrunk]


def _width(points: Points, chance_error: float, place: Floats) -> float:
    low, high = fit.fit(points, chance_error).at(place).quantiles(BAND)[:, 0]
    return float(np.clip(high, 0, 1) - np.clip(low, 0, 1))
