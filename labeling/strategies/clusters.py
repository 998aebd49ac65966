"""Groups of similar pictures: k-means, seeded by k-means++, learned on a part where there are many."""

import numpy as np

from labeling.strategies import seeding
from labeling.strategies.pool import LOT, Floats, Rows, distances, squares
from labeling.strategies.seeding import Euclid

MOST = 500  # groups, as in TypiClust: beyond, groups of a pool of 100,000 hold few pictures each
ROUNDS = 10  # of Lloyd's: later ones move few pictures
LEARNED_FROM = 64  # pictures a group: what the middle of a group needs, not what its members do


def grouped(x: Floats, count: int, rng: np.random.Generator) -> Rows:
    """Return the group (N,) of each row, from 0 on; at most `count` of them, some may be empty."""
    count = min(count, len(x))
    part = x[np.sort(rng.permutation(len(x))[: LEARNED_FROM * count])]
    middles = part[seeding.draw(Euclid(part), int(rng.integers(len(part))), count, rng)]
    for _ in range(ROUNDS):
        before, middles = middles, _moved(part, nearest(part, middles), middles)
        if np.array_equal(before, middles):
            break
    return nearest(x, middles)


def nearest(x: Floats, middles: Floats) -> Rows:
    """Return the number (N,) of the nearest middle."""
    lengths, of_middles = squares(x), squares(middles)
    lots = [slice(start, start + LOT) for start in range(0, len(x), LOT)]
    found = [distances(x[lot], lengths[lot], middles, of_middles).argmin(1) for lot in lots]
    return np.concatenate(found)


def _moved(x: Floats, group: Rows, middles: Floats) -> Floats:
    """Return the means of the groups; an empty one stays where it is."""
    order = np.argsort(group, kind="stable")
    there, starts, sizes = np.unique(group[order], return_index=True, return_counts=True)
    moved = middles.copy()
    moved[there] = np.add.reduceat(x[order], starts) / sizes[:, None]
    return moved
