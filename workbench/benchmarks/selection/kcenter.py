"""How fast pictures are picked that cover all others."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances

from labeling.strategies import kcenter
from workbench.benchmarks.heads import curves
from workbench.benchmarks.registry import Outcome, benchmark, in_turn
from workbench.benchmarks.selection import cloud

PEER_PICKS = 40


@benchmark(target=30.0)
def cover() -> Outcome:
    """The peer is google/active-learning's kcenter_greedy: one pairwise_distances of scikit-learn a pick.

    1,000 of 100,000 vectors of 512 numbers in float32, one labeled before; one thread each.  The peer does
    the first 40 picks, a pick takes it as long as any other, and its time is told for 1,000.  The gate: the
    40 picks are the same.
    """
    with curves.one_thread():
        x = cloud.vectors(cloud.ROWS)
        ours, peer = in_turn(
            ("seedbed", lambda: picked(x, cloud.PICKS)),
            (f"kcenter_greedy, {PEER_PICKS} picks", lambda: peers(x, PEER_PICKS)),
            cloud.REPEATS,
        )
        mine, theirs = picked(x, cloud.PICKS), peers(x, PEER_PICKS)
    same = sum(one == other for one, other in zip(mine, theirs, strict=False))
    return Outcome(
        ours,
        cloud.extrapolated(peer, cloud.PICKS / PEER_PICKS),
        gate=same == PEER_PICKS,
        because=f"{same} of the first {PEER_PICKS} picks are the peer's",
        counts="cpu",
    )


def picked(x: NDArray[np.float32], count: int) -> list[int]:
    return kcenter.cover(kcenter.Points(x, x[:1]), count)


def peers(x: NDArray[np.float32], count: int) -> list[int]:
    """Return what kCenterGreedy.select_batch_ picks with row 0 selected already."""
    nearest, picks = pairwise_distances(x, x[:1]), list[int]()
    for _ in range(count):
        picks.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, pairwise_distances(x, x[picks[-1:]], metric="euclidean"))
    return picks
