"""A curve and its forecast in the terms of pages and tables: scores, up is good.  No scipy in here."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any, NamedTuple

REACH = 8  # times the largest size: nothing is shown beyond
FAR = 16  # times the largest size: kept, so that "not reachable" can be said; never shown beyond REACH
SHADE = 4  # times the largest size: drawn shaded beyond (Hoiem et al. 2021 extrapolate up to here)


class Point(NamedTuple):
    """One training: its number of labels, and the score in [0, 1] that it reached with its 95 % interval."""

    n: int
    repeat: int
    seed: int
    value: float
    low: float
    high: float


class Step(NamedTuple):
    """What is expected with n labels; low and high are the 90 % band, gains are against the largest size."""

    n: int
    median: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float


def read(grid: Iterable[Mapping[str, float]]) -> tuple[Step, ...]:
    """Return the steps of a stored grid: JSON objects with the names of Step."""
    return tuple(Step(int(row["n"]), *(row[name] for name in Step._fields[1:])) for row in grid)


def nearest(steps: Iterable[Step], n: float) -> Step:
    """Return the step whose n is nearest in ratio."""
    return min(steps, key=lambda step: max(step.n / n, n / step.n))


class Size(NamedTuple):
    """All trainings with n labels: the mean score, and the mean ends of their intervals.

    The trainings share one test set, so their mean is no surer of other pictures than each of them.
    """

    n: int
    trainings: int
    mean: float
    low: float
    high: float


SHARES = tuple(percent / 100 for percent in range(1, 100))
DIGITS = 5  # of a stored score: a thousandth of a point


@dataclass(frozen=True)
class Quantiles:
    """The distribution of the score at every n, as 99 quantiles: pages interpolate and never fit.

    n (T,) ascends in steps of 2^(1/4) from the smallest size to FAR times the largest.  scores (T, 99) are
    those below which each of SHARES lies; each row ascends.
    """

    n: tuple[int, ...]
    scores: tuple[tuple[float, ...], ...]

    def at(self, n: float, share: float) -> float:
        """Return the score with n labels below which a share of the distribution lies.

        Interpolated in log n and in share; both are clipped into what is kept.
        """
        return _interpolate(SHARES, self.row(n), share)

    def chance(self, n: float, target: float) -> float:
        """Return the probability that the score with n labels is at least target.

        Beyond the outermost quantiles it goes on as between the last two, down to 0 and up to 1.
        """
        row = self.row(n)
        k = bisect_left(row, target)  # of equal quantiles the first: at a score of 1 many may stand
        if k < len(row) and row[k] == target:
            return 1 - SHARES[k]
        k = min(max(k, 1), len(row) - 1)
        low, high = row[k - 1], row[k]
        if low == high:
            return float(target < low)
        below = SHARES[k - 1] + (SHARES[k] - SHARES[k - 1]) * (target - low) / (high - low)
        return min(max(1 - below, 0.0), 1.0)

    def row(self, n: float) -> tuple[float, ...]:
        """Return the 99 quantiles with n labels, interpolated in log n; n is clipped into the grid."""
        after = min(max(bisect_right(self.n, n), 1), len(self.n) - 1)
        left, right = self.n[after - 1], self.n[after]
        part = min(max(log(max(n, 1) / left) / log(right / left), 0.0), 1.0)
        pairs = zip(self.scores[after - 1], self.scores[after], strict=True)
        return tuple(low + part * (high - low) for low, high in pairs)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object, its scores rounded to DIGITS."""
        return {"n": list(self.n), "scores": [[round(score, DIGITS) for score in row] for row in self.scores]}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Quantiles":
        return cls(tuple(stored["n"]), tuple(tuple(row) for row in stored["scores"]))


def _interpolate(ascending: Sequence[float], values: Sequence[float], at: float) -> float:
    """Return the value at a place, between the values at its neighbours; the ends go on as they are."""
    after = min(max(bisect_right(ascending, at), 1), len(ascending) - 1)
    left, right = ascending[after - 1], ascending[after]
    part = min(max((at - left) / (right - left), 0.0), 1.0)
    return values[after - 1] + part * (values[after] - values[after - 1])


class Law(NamedTuple):
    """error(n) = floor + scale * n^-rate with n labels: the power law that sums up a fit, for allocation.

    A summary and no forecast: it knows no band.
    """

    floor: float
    scale: float
    rate: float

    def error(self, n: float) -> float:
        return float(self.floor + self.scale * n**-self.rate)


@dataclass(frozen=True)
class Forecast:
    """Where a curve goes on, in steps of n from its smallest size to REACH times its largest.

    Where `refused` says why there is no extrapolation, there are no steps, no quantiles and no law.
    """

    steps: tuple[Step, ...]
    last_value: float  # mean score at the largest size: the simplest forecast of all, and hard to beat
    plateau: bool  # the last two sizes cannot be told apart: the last value may be the better forecast
    refused: str
    flags: tuple[str, ...]  # warnings in words
    quantiles: Quantiles | None = None
    law: Law | None = None


@dataclass(frozen=True)
class Outlook:
    """Everything that is shown of one curve in one metric; forecast is None until all trainings are done."""

    metric: str
    n_test: int
    points: tuple[Point, ...]
    forecast: Forecast | None

    @property
    def largest(self) -> int:
        """The largest measured size; 0 before the first training."""
        return max((point.n for point in self.points), default=0)

    @property
    def errors(self) -> dict[int, list[float]]:
        """The errors of all trainings by number of labels, ascending."""
        found: dict[int, list[float]] = {}
        for point in sorted(self.points):
            found.setdefault(point.n, []).append(1 - point.value)
        return found

    @property
    def sizes(self) -> tuple[Size, ...]:
        """The measured sizes, ascending."""
        numbers = sorted({point.n for point in self.points})
        return tuple(_size(n, [point for point in self.points if point.n == n]) for n in numbers)

    @property
    def ahead(self) -> tuple[Step, ...]:
        """The forecast from the largest measured size on; its first step is that size."""
        steps = self.forecast.steps if self.forecast else ()
        return tuple(step for step in steps if step.n >= self.largest)


def _size(n: int, points: list[Point]) -> Size:
    values, lows, highs = zip(*(point[3:] for point in points), strict=True)
    count = len(points)
    return Size(n, count, sum(values) / count, sum(lows) / count, sum(highs) / count)
