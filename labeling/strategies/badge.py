"""Pictures that would move the model much, each into a direction of its own.

BADGE (Ash et al. 2020, "Deep batch active learning by diverse, uncertain gradient lower bounds"): k-means++
on the gradients of the last layer, (p - onehot(likeliest)) x h for probabilities p and vectors h, beginning
with the longest one.  The gradients (N, K D) are never made: |a x h - b x g|^2 = |a|^2 |h|^2 + |b|^2 |g|^2
- 2 (a b)(h g).  Unlike the paper, h may be any vectors of the pictures.
"""

import numpy as np
from numpy.typing import NDArray

from labeling.strategies import seeding
from labeling.strategies.pool import LOT, Floats, Picks, Pool, Rows, squares


class Gradients:
    """N gradients as factors."""

    def __init__(self, probs: NDArray[np.float64], vectors: Floats) -> None:
        self.a = probs.astype(np.float32)
        self.a[np.arange(len(probs)), probs.argmax(1)] -= 1
        self.h = vectors
        self.lengths = squares(self.a) * squares(self.h)

    def __len__(self) -> int:
        return len(self.a)

    def nearest(self, rows: Rows) -> Floats:
        a, h, lengths = -2 * self.a[rows].T, self.h[rows].T, self.lengths[rows]
        far = np.empty(len(self), dtype=np.float32)
        for start in range(0, len(self), LOT):
            part = slice(start, start + LOT)
            alike = self.h[part] @ h
            alike *= self.a[part] @ a
            alike += lengths
            far[part] = alike.min(1)
        far += self.lengths
        np.maximum(far, 0, out=far)
        return far

    def between(self, row: int, rows: Rows) -> Floats:
        alike: Floats = (self.a[rows] @ self.a[row]) * (self.h[rows] @ self.h[row])
        far: Floats = np.maximum(self.lengths[rows] + self.lengths[row] - 2 * alike, 0)
        return far


def pick(pool: Pool, count: int, rng: np.random.Generator) -> Picks:
    """Return pictures drawn by doubt and by difference; what is spoken for is not asked, as in the paper."""
    space = Gradients(pool.probs, pool.vectors)
    rows = seeding.draw(space, int(space.lengths.argmax()), count, rng)
    return Picks(rows, np.ones(count, dtype=np.int64))
