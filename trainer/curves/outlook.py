"""A curve and its forecast in the terms of pages and tables: scores, up is good.  No scipy in here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

REACH = 8  # times the largest size: nothing is said beyond
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


@dataclass(frozen=True)
class Forecast:
    """Where a curve goes on, in steps of n from its smallest size to REACH times its largest.

    Where `refused` says why there is no extrapolation, there are no steps.
    """

    steps: tuple[Step, ...]
    last_value: float  # mean score at the largest size: the simplest forecast of all, and hard to beat
    plateau: bool  # the last two sizes cannot be told apart: the last value may be the better forecast
    refused: str
    flags: tuple[str, ...]  # warnings in words


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
