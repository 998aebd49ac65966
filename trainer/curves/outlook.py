"""A curve and its forecast in the terms of pages and tables: accuracies, up is good.  No scipy in here."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

REACH = 8  # times the largest size: nothing is said beyond
SHADE = 4  # times the largest size: drawn shaded beyond (Hoiem et al. 2021 extrapolate up to here)


class Point(NamedTuple):
    """One training: its number of labels and what it reached."""

    n: int
    repeat: int
    seed: int
    value: float  # accuracy or another score in [0, 1]


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


def means(points: Iterable[Point]) -> dict[int, float]:
    """Return the mean value of each size, sizes ascending."""
    by_size: dict[int, list[float]] = {}
    for point in sorted(points):
        by_size.setdefault(point.n, []).append(point.value)
    return {n: sum(values) / len(values) for n, values in by_size.items()}
