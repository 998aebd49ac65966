"""Pictures that stand for many: the densest point of each large group of which nothing is labeled yet.

TypiClust, for the first labels (Hacohen, Dekel and Weinshall 2022, "Active learning on a budget: opposite
strategies suit high and low budgets"): as many groups as there are labels, at most 500; the picture with the
smallest mean distance to its 20 nearest.  Unlike the paper, distances in a group of more than 1,000 are
measured to 1,000 of it, and the spoken for are put into the groups that the candidates make.
"""

import heapq

import numpy as np

from labeling.strategies import clusters
from labeling.strategies.pool import Floats, Picks, Pool, Rows, distances, squares

NEIGHBORS = 20
SMALL = 5  # pictures: smaller groups come after all others, they are outliers
MEASURED = 1000


def pick(pool: Pool, count: int, rng: np.random.Generator) -> Picks:
    """Return the typical pictures of the groups with the fewest labels, the largest of them first."""
    x = np.r_[pool.vectors, pool.spoken_for]
    group = clusters.grouped(x, min(len(pool.spoken_for) + count, clusters.MOST), rng)
    mine = group[: len(pool)]
    taken = np.bincount(group[len(pool) :], minlength=group.max() + 1).tolist()
    members = {int(one): np.flatnonzero(mine == one) for one in np.unique(mine)}
    queue = [(taken[one], len(rows) < SMALL, -len(rows), one) for one, rows in members.items()]
    heapq.heapify(queue)
    left: dict[int, list[int]] = {}
    rows, sizes = list[int](), list[int]()
    while len(rows) < count:
        done, small, size, one = heapq.heappop(queue)
        if one not in left:
            left[one] = members[one][_atypical(pool.vectors[members[one]], rng)].tolist()
        rows.append(left[one].pop())
        sizes.append(-size)
        if left[one]:
            heapq.heappush(queue, (done + 1, small, size, one))
    return Picks(np.array(rows, dtype=np.int64), np.array(sizes, dtype=np.int64))


def _atypical(x: Floats, rng: np.random.Generator) -> Rows:
    """Return the rows of a group, the least typical first; of equal ones the later."""
    n = len(x)
    others = np.sort(rng.permutation(n)[:MEASURED])
    far = np.sqrt(distances(x, squares(x), x[others], squares(x[others])))
    far[others, np.arange(len(others))] = np.inf  # nobody is his own neighbor
    near = min(NEIGHBORS, len(others) - 1)
    if near < 1:
        return np.arange(n)
    mean = np.partition(far, near - 1, axis=1)[:, :near].mean(1)
    return np.argsort(mean, kind="stable")[::-1]
