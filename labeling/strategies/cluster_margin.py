"""Doubtful pictures of many kinds: the most doubtful ones, taken in turn from groups of similar ones.

Cluster-Margin (Citovsky et al. 2021, "Batch active learning at scale"): of the ten times as many pictures
that the model doubts most, some of each group, the small groups first.  Unlike the paper, the groups are
k-means' of these alone, and of a group the most doubtful comes first, not any.
"""

import numpy as np

from labeling import selection
from labeling.strategies import clusters
from labeling.strategies.pool import Picks, Pool, Rows

SHORTLIST = 10  # times the picks


def pick(pool: Pool, count: int, rng: np.random.Generator) -> Picks:
    """Return doubtful pictures of different groups, the most doubtful first."""
    doubt = selection.margin(pool.probs)
    short = np.argsort(-doubt, kind="stable")[: SHORTLIST * count]
    group = clusters.grouped(pool.vectors[short], min(count, clusters.MOST), rng)
    size = np.bincount(group)[group]
    order = np.lexsort((group, size, _turn(group)))[:count]
    order = np.sort(order)  # the shortlist's, by doubt
    return Picks(short[order], size[order])


def _turn(group: Rows) -> Rows:
    """Return how many rows of the same group come before each row."""
    order = np.argsort(group, kind="stable")
    _, starts, sizes = np.unique(group[order], return_index=True, return_counts=True)
    turn = np.empty(len(group), dtype=np.int64)
    turn[order] = np.arange(len(group)) - np.repeat(starts, sizes)
    return turn
