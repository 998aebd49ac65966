"""How fast pictures are drawn by doubt and difference."""

import time

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import pairwise_distances

from labeling.strategies import seeding
from labeling.strategies.badge import Gradients
from workbench.benchmarks.heads import curves
from workbench.benchmarks.registry import Outcome, benchmark, in_turn
from workbench.benchmarks.selection import cloud

PEER_DRAWS = 9  # after the first: ten picks
CLOSE = 0.01  # of the potential, of which two draws of 1,000 differ


@benchmark(target=500.0)
def draws() -> Outcome:
    """The peer is init_centers of JordanAsh/badge, the authors' own: whole gradients, a Python loop a draw.

    1,000 of 100,000 pictures with 10 classes and 512 features in float32, gradients of 5,120 numbers; one
    thread each.  The peer makes 9 draws after the first, each takes it as long as any other, and its time is
    told for 999.  Neither making its gradients (2 GB) nor its search for the longest is counted.  Told
    beside: one draw after another with gradients kept as factors.  The gate: the sum of squared distances to
    the draws within 1 % of that plain k-means++; that the law is the same, a test shows by chi-square.
    """
    with curves.one_thread():
        x = cloud.vectors(cloud.ROWS)
        space = Gradients(cloud.opinions(x), x)
        whole = np.einsum("nk,nd->nkd", space.a, space.h).reshape(len(x), -1)
        first = int(space.lengths.argmax())
        ours, peer = in_turn(
            ("seedbed", lambda: drawn(space, first, cloud.PICKS)),
            (f"init_centers, {PEER_DRAWS} draws", lambda: init_centers(whole, first, PEER_DRAWS)),
            cloud.REPEATS,
        )
        began = time.process_time()
        plain = potential(space, plain_draws(space, first, cloud.PICKS))
        peer.figures["one_by_one_as_factors_cpu_s"] = time.process_time() - began
        mine = potential(space, drawn(space, first, cloud.PICKS))
    return Outcome(
        ours,
        cloud.extrapolated(peer, (cloud.PICKS - 1) / PEER_DRAWS),
        gate=abs(mine / plain - 1) <= CLOSE,
        because=f"potential {mine:,.0f}, of plain k-means++ {plain:,.0f}",
        counts="cpu",
    )


def drawn(space: Gradients, first: int, count: int) -> NDArray[np.int64]:
    return seeding.draw(space, first, count, np.random.default_rng(0))


def plain_draws(space: Gradients, first: int, count: int) -> NDArray[np.int64]:
    """Return draws of k-means++, each told to all rows before the next."""
    rng, picks, far = np.random.default_rng(1), [first], space.nearest(np.array([first]))
    while len(picks) < count:
        far = np.minimum(far, space.nearest(np.array(picks[-1:])))
        far[picks[-1]] = 0
        heaped = np.cumsum(far, dtype=np.float64)
        picks.append(int(np.searchsorted(heaped, rng.random() * heaped[-1], side="right")))
    return np.array(picks)


def potential(space: Gradients, rows: NDArray[np.int64]) -> float:
    return float(space.nearest(rows).sum(dtype=np.float64))


def init_centers(X: NDArray[np.float32], first: int, draws: int) -> list[int]:
    """The authors' function from its loop on, with the first center given; numpy's global state draws."""
    mu, picks, owner = [X[first]], [first], [0.0] * len(X)
    D2 = pairwise_distances(X, mu).ravel().astype(float)
    for center in range(draws):
        if center:
            newD = pairwise_distances(X, [mu[-1]]).ravel().astype(float)
            for i in range(len(X)):
                if D2[i] > newD[i]:
                    owner[i] = center
                    D2[i] = newD[i]
        chances = (D2**2) / sum(D2**2)
        law = stats.rv_discrete(name="custm", values=(np.arange(len(D2)), chances))
        row = int(law.rvs(size=1)[0])
        while row in picks:
            row = int(law.rvs(size=1)[0])
        mu.append(X[row])
        picks.append(row)
    return picks
