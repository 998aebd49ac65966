"""Pictures of a size or shape unlike the others: often a thumbnail, a screenshot or a picture cut wrongly.

Source of the bound: B. Iglewicz and D. C. Hoaglin 1993, "How to Detect and Handle Outliers": 3.5 robust
standard deviations.  Unlike there, a size counts only where it is also far off in plain terms.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BOUND = 3.5  # robust standard deviations
ROBUST = 1.4826  # of a normal law: standard deviation over median absolute deviation
LEAST_SIZE = 2.0  # powers of two: four times as many pixels, or a quarter
LEAST_SHAPE = 1.0  # twice as wide for its height, or half


class Odd(NamedTuple):
    """One size that is odd, and why: a sentence for a person."""

    width: int  # pixels
    height: int
    kind: str  # "odd_size" or "odd_aspect"
    value: float  # how many times the usual number of pixels, or the usual width for its height
    reason: str


def odd(counts: Mapping[tuple[int, int], int]) -> tuple[Odd, ...]:
    """Return the odd ones of sizes (width, height), by how many pictures have each; the rarest first.

    One that is odd in both respects is told twice.
    """
    sizes = sorted(counts, key=lambda size: (counts[size], size))
    if not sizes:
        return ()
    weights = np.array([counts[size] for size in sizes])
    width, height = np.log2(np.array(sizes, dtype=np.float64)).T
    area, shape = _off(width + height, weights, LEAST_SIZE), _off(width - height, weights, LEAST_SHAPE)
    found = []
    for size, big, wide in zip(sizes, area.tolist(), shape.tolist(), strict=True):
        if big:
            found.append(Odd(*size, "odd_size", 2**big, _reason(size, big, "more pixels", "fewer pixels")))
        if wide:
            told = _reason(size, wide, "wider for its height", "narrower for its height")
            found.append(Odd(*size, "odd_aspect", 2**wide, told))
    return tuple(found)


def _off(values: NDArray[np.float64], weights: NDArray[np.int64], least: float) -> NDArray[np.float64]:
    """Return how far each value is from the median, 0 where that is not far."""
    off = values - _median(values, weights)
    bound = max(least, BOUND * ROBUST * _median(np.abs(off), weights))
    return np.where(np.abs(off) > bound, off, 0.0)


def _median(values: NDArray[np.float64], weights: NDArray[np.int64]) -> float:
    order = np.argsort(values, kind="stable")
    return float(values[order][np.searchsorted(weights[order].cumsum(), weights.sum() / 2)])


def _reason(size: tuple[int, int], off: float, more: str, less: str) -> str:
    said = f"{2 ** abs(off):.1f} times {more if off > 0 else less}"
    return f"{size[0]} by {size[1]} pixels: {said} than the usual picture."
