"""Draws that spread: each row with a chance in proportion to its squared distance from the nearest one drawn.

The law of k-means++ (Arthur and Vassilvitskii 2007), exactly.  Distances to the newest draws are not told to
all rows at once: a row is drawn by what was known before, which can only be too far, and kept with the chance
true / known.  Rejection so done leaves the law as it is (Cohen-Addad et al. 2020, "Fast and accurate
k-means++ via rejection sampling"); one product then tells all rows of all new draws.
"""

from typing import Protocol

import numpy as np

from labeling.strategies.pool import Floats, Rows, nearest, squares

TOLD = 64  # draws that one product tells of: with more the product is faster, but more draws are rejected
TRIES = 2 * TOLD  # before it tells anyway: in a clustered cloud the first draws bring most rows nearer


class Space(Protocol):
    """N points, whatever their distances are."""

    def __len__(self) -> int: ...
    def nearest(self, rows: Rows) -> Floats:
        """Return how far (N,) the nearest of these rows is, squared."""

    def between(self, row: int, rows: Rows) -> Floats:
        """Return the squared distances (R,) of one row to these."""


class Euclid:
    """Points (N, D) as they are."""

    def __init__(self, x: Floats) -> None:
        self.x = x - x.mean(0)
        self.lengths = squares(self.x)

    def __len__(self) -> int:
        return len(self.x)

    def nearest(self, rows: Rows) -> Floats:
        return nearest(self.x, self.lengths, self.x[rows])

    def between(self, row: int, rows: Rows) -> Floats:
        apart: Floats = self.x[rows] - self.x[row]
        return squares(apart)


def draw(space: Space, first: int, count: int, rng: np.random.Generator) -> Rows:
    """Return `count` different rows, `first` among them at the head; there must be as many.

    Once all others lie on drawn ones, the rest is drawn at random.
    """
    picks, far = [first], space.nearest(np.array([first]))
    far[first] = 0
    while len(picks) < count and far.max() > 0:
        fresh = _accepted(space, far, count - len(picks), rng)
        far = np.minimum(far, space.nearest(fresh))
        far[fresh] = 0
        picks += fresh.tolist()
    left = rng.permutation(np.setdiff1d(np.arange(len(space)), picks))
    found: Rows = np.r_[np.array(picks, dtype=np.int64), left[: count - len(picks)]]
    return found


def _accepted(space: Space, known: Floats, most: int, rng: np.random.Generator) -> Rows:
    """Return the next draws, one at least, given what is known of the distances; it is not updated."""
    heaped = np.cumsum(known, dtype=np.float64)
    tried = np.searchsorted(heaped, rng.random(TRIES) * heaped[-1], side="right")
    fresh: list[int] = []
    for row, luck in zip(np.minimum(tried, len(known) - 1).tolist(), rng.random(TRIES), strict=True):
        true = space.between(row, np.array(fresh)).min() if fresh else known[row]
        if row not in fresh and luck * known[row] < true:
            fresh.append(row)
        if len(fresh) == min(most, TOLD):
            break
    return np.array(fresh, dtype=np.int64)
