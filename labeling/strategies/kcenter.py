"""Pictures that cover the others: each pick is the one farthest from all that came before it.

Greedy k-center (Gonzalez 1985; Sener and Savarese 2018, "Active learning for convolutional neural networks:
a core-set approach").  The picks are those of the plain search, which looks at all rows for each pick; ours
come in rounds.  In a round they are made among the farthest rows alone, as long as one of these lies farther
than every row outside did when the round began: rows only ever come nearer.  Then one product tells all rows
of all new picks.
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from labeling.strategies.pool import Floats, Picks, Pool, Rows, distances, nearest, squares

CANDIDATES = 1024  # rows of a round
ROUNDING = 2.0**-23  # of single precision


class Block(NamedTuple):
    """The C farthest rows, of numpy or of torch, by ascending row."""

    rows: Any  # (C,)
    nearest: Any  # (C,) squared distance to the nearest pick
    among: Any  # (C, C) squared distances
    bound: float  # how far the rows outside may lie


class Cloud(Protocol):
    """N points that know how far the nearest pick is."""

    def farthest(self, most: int) -> Block: ...
    def approach(self, rows: Any) -> None:
        """Take these rows for picks."""

    def nearer(self, one: Any, other: Any) -> Any:
        """Return the smaller of two distances, one by one."""


def cover(cloud: Cloud, count: int, candidates: int = CANDIDATES) -> list[int]:
    """Return the next `count` picks; there must be as many points."""
    picks: list[int] = []
    while len(picks) < count:
        block = cloud.farthest(candidates)
        fresh = _greedy(cloud, block, count - len(picks))
        chosen = block.rows[fresh]
        cloud.approach(chosen)
        picks += chosen.tolist()
    return picks


def _greedy(cloud: Cloud, block: Block, most: int) -> list[int]:
    """Return the places in the block of the picks that hold for all rows: one at least."""
    far, fresh = block.nearest, list[int]()
    while len(fresh) < most:
        farthest = int(far.argmax())
        if fresh and float(far[farthest]) <= block.bound:
            break
        fresh.append(farthest)
        far = cloud.nearer(far, block.among[farthest])
        far[farthest] = -1.0  # never twice, also where all distances are 0
    return fresh


class Points:
    """Points in memory.  Single precision finds who may be farthest, double precision says who is.

    Equal distances are broken by the smaller row.  Where more than the candidates of a round lie within the
    rounding of single precision of the farthest one, any of these may be picked.
    """

    def __init__(self, x: Floats, centers: Floats) -> None:
        middle, lengths = x.mean(0), squares(x)
        # moved where that shortens them much: less is lost where squares are subtracted
        moved = 2 * (middle @ middle) > lengths.mean()
        self.x: Floats = x - middle if moved else x
        self.lengths = squares(self.x) if moved else lengths
        self.centers = np.empty((0, x.shape[1]), np.float32)
        self.nearest = np.full(len(x), np.inf, np.float32)
        self.slack = float(x.shape[1] * ROUNDING * self.lengths.max())
        self._see(centers - middle if moved else centers)

    def farthest(self, most: int) -> Block:
        most = min(most, len(self.x))
        rows = np.argpartition(-self.nearest, most - 1)[:most]
        bound = float(self.nearest[rows].min()) + self.slack
        rows = np.union1d(rows, [self.nearest.argmax()])  # of equal ones the first row
        exact, centers = self.x[rows].astype(np.float64), self.centers.astype(np.float64)
        lengths = squares(exact)
        far = distances(exact, lengths, centers, squares(centers)).min(1, initial=np.inf)
        return Block(
            rows,
            np.where(self.nearest[rows] < 0, -1.0, far),
            distances(exact, lengths, exact, lengths),
            bound if most < len(self.x) else -1.0,
        )

    def approach(self, rows: Rows) -> None:
        self._see(self.x[rows])
        self.nearest[rows] = -1.0

    def nearer(self, one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.minimum(one, other)

    def _see(self, fresh: Floats) -> None:
        self.centers = np.r_[self.centers, fresh]
        if len(fresh):
            np.minimum(self.nearest, nearest(self.x, self.lengths, fresh), out=self.nearest)


def pick(pool: Pool, count: int, rng: np.random.Generator) -> Picks:
    """Return the pictures that lie farthest from all that are spoken for or picked before; rng is not asked.

    Where nothing is spoken for, the picture nearest the middle of all comes first.
    """
    cloud, first = Points(pool.vectors, pool.spoken_for), list[int]()
    if not len(pool.spoken_for):
        first = [int(cloud.lengths.argmin())]
        cloud.approach(np.array(first))
    rows = np.array(first + cover(cloud, count - len(first)), dtype=np.int64)
    return Picks(rows, np.ones(count, dtype=np.int64))
