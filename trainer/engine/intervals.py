"""Values with the ends of their intervals: shares, means over seeds, resampled figures.

Light: numpy only.  Intervals are 95 % where nothing else is said.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Z95 = 1.959963984540054  # 97.5 % quantile of the Normal law: the middle 95 %
Z90 = 1.6448536269514722  # the middle 90 %
RESAMPLES = 2000
AT_ONCE = 1 << 20  # drawn items held in memory at a time: 8 MiB


class Interval(NamedTuple):
    """A value with the ends of its interval."""

    value: float
    low: float
    high: float


def wilson(hits: float, n: int, z: float = Z95) -> Interval:
    """Return a share with its score interval (Wilson 1927); a tie may count as half a hit.

    Raises ValueError unless 0 <= hits <= n and n > 0.
    """
    if not (0 <= hits <= n and n > 0):
        raise ValueError(f"hits must lie in [0, n] and n be positive, got {hits} of {n}")
    share, z2 = hits / n, z**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Interval(share, min(low, share), max(high, share))  # rounding must not leave the share outside


def resampled_sums(values: Floats, strata: Ints, rng: np.random.Generator) -> Floats:
    """Return (RESAMPLES, V): the column sums of `values` (N, V) over stratified draws of N items.

    Each stratum gives as many items as it has, with replacement.  Counting how often an item comes and
    multiplying costs one pass, whatever V is.
    """
    sums = np.zeros((RESAMPLES, values.shape[1]))
    for stratum in np.unique(strata):
        rows = values[strata == stratum]
        done = 0
        for counts in _drawn_counts(len(rows), rng):
            sums[done : done + len(counts)] += counts @ rows
            done += len(counts)
    return sums


def _drawn_counts(n: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Yield (r, n): how often each of n items comes in r draws of n, until RESAMPLES draws are made."""
    step = max(1, AT_ONCE // n)
    for start in range(0, RESAMPLES, step):
        r = min(step, RESAMPLES - start)
        drawn = rng.integers(0, n, (r, n)) + np.arange(r)[:, None] * n
        yield np.bincount(drawn.ravel(), minlength=r * n).reshape(r, n).astype(np.float64)


def percentiles(value: float, drawn: Floats) -> Interval:
    """Return the percentile bootstrap interval of `value` from its resampled values (R,)."""
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    return Interval(value, min(low, value), max(high, value))


def student_cdf(t: float, df: int) -> float:
    """Return P(T <= t) of Student's law with a whole number of degrees of freedom, exactly.

    A finite series in the angle atan(t / sqrt(df)): Abramowitz & Stegun 1964, 26.7.3 and 26.7.4.
    """
    if df < 1:
        raise ValueError(f"df must be at least 1, got {df}")
    angle = math.atan2(t, math.sqrt(df))
    cos2 = math.cos(angle) ** 2
    odd = df % 2
    term, series = (math.cos(angle) if odd else 1.0), 0.0
    for k in range(1 + odd, df, 2):  # the exponents df - 2, ... of the cosine, from the lowest up
        series += term
        term *= cos2 * k / (k + 1)
    middle = math.sin(angle) * series
    if odd:
        middle = 2 / math.pi * (angle + middle)
    return 0.5 + middle / 2


def student_quantile(share: float, df: int) -> float:
    """Return t with P(T <= t) = share, for share in [0.5, 1)."""
    if not 0.5 <= share < 1:
        raise ValueError(f"share must lie in [0.5, 1), got {share}")
    top = 1.0
    while student_cdf(top, df) < share:
        top *= 2
    return bisect(lambda t: student_cdf(t, df) - share, 0.0, top)


def bisect(rising: Callable[[float], float], low: float, high: float) -> float:
    """Return where a rising function crosses zero between low and high, to the last bits."""
    for _ in range(200):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2
