"""How fast logistic heads of a whole curve are solved."""

import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from trainer.engine.heads import logistic
from workbench.benchmarks.heads import curves
from workbench.benchmarks.heads.curves import Doubles, World
from workbench.benchmarks.registry import Outcome, benchmark, in_turn

REPEATS = 5
ITERATIONS = 1000  # at most: with its own 100 the peer warns that it did not converge
LARGEST = 0.005  # difference of one head's accuracy from the peer's
TIGHT, PATIENT = 1e-9, 20_000  # tolerance and iterations of the reference


class Calls(NamedTuple):
    """How many calls on the test rows, over all heads, are not those of the tight optimum."""

    ours: int
    peer: int


@benchmark(target=6.0)
def heads() -> Outcome:
    """The peer is scikit-learn's learning_curve of LogisticRegression() on the same subsets.

    8 nested sizes, 40 to 6,000 of 8,000 vectors of 512 features, in 5 orders; C = 1 on both sides.  The peer
    gets float64 and as many iterations as it needs; in float32 it is faster, told beside.  Ours computes in
    float32, to half the peer's tolerance; the largest subset is the same in all orders, which ours solves
    once and the peer five times.
    The gate: no head's accuracy differs by more than 0.5 points, and fewer of ours than of the peer's calls
    differ from those of the optimum (LogisticRegression with a tolerance of 1e-9).
    """
    with curves.one_thread():
        world = curves.embeddings()
        mine: list[Doubles] = []
        theirs: list[Doubles] = []
        peer_model = LogisticRegression(max_iter=ITERATIONS)
        ours, peer = in_turn(
            ("seedbed", lambda: mine.append(_ours(world))),
            ("learning_curve(LogisticRegression())", lambda: theirs.append(world.of_peer(peer_model))),
            REPEATS,
        )
        began = time.process_time()
        world.of_peer(peer_model, np.float32)
        peer.figures["float32_cpu_s"] = time.process_time() - began
        other = calls(world)
    apart = float(np.abs(mine[0] - theirs[0]).max())
    return Outcome(
        ours,
        peer,
        gate=holds(apart, other),
        because=f"accuracies at most {100 * apart:.2f} points apart; calls that are not the optimum's: "
        f"{other.ours}, of the peer {other.peer}",
        counts="cpu",
    )


def holds(apart: float, other: Calls) -> bool:
    return apart <= LARGEST and other.ours < other.peer


def calls(world: World) -> Calls:
    """Return how far ours and the peer's are from the optimum; the largest subset counts once."""
    problem = world.problem
    vectors = problem.vectors.astype(np.float64)
    ours = logistic.fit(problem).logits(problem.vectors[world.tests]).argmax(3)
    mine, theirs = 0, 0
    for (repeat, size), copied in np.ndenumerate(problem.copies()):
        if not copied:
            rows = problem.orders[repeat, : problem.sizes[size]]
            best, peer = (
                _calls(LogisticRegression(tol=tol, max_iter=most), vectors, problem.labels, rows, world.tests)
                for tol, most in ((TIGHT, PATIENT), (1e-4, ITERATIONS))
            )
            mine += int((ours[repeat, size] != best).sum())
            theirs += int((peer != best).sum())
    return Calls(mine, theirs)


def _ours(world: World) -> Doubles:
    fitted = logistic.fit(world.problem)
    return world.accuracies(fitted.logits(world.problem.vectors[world.tests]))


def _calls(
    model: LogisticRegression,
    vectors: Doubles,
    labels: NDArray[np.int64],
    rows: NDArray[np.int64],
    tests: NDArray[np.int64],
) -> NDArray[np.int64]:
    return np.asarray(model.fit(vectors[rows], labels[rows]).predict(vectors[tests]))
