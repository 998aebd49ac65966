"""How fast small networks of a whole curve are trained, one beside the other."""

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

from trainer.engine.heads import mlp
from workbench.benchmarks.heads import curves
from workbench.benchmarks.heads.curves import World
from workbench.benchmarks.registry import Outcome, benchmark, in_turn

REPEATS = 5
LOSS_POINTS = 0.3  # of accuracy, that no size may lose
PEER = MLPClassifier()  # as it comes: 100 hidden, Adam, at most 200 epochs

Doubles = NDArray[np.float64]


@benchmark(target=10.0)
def heads() -> Outcome:
    """The peer is scikit-learn's learning_curve of MLPClassifier() as it comes, on the same subsets.

    8 nested sizes, 40 to 1,348 digits of 64 pixels, in 5 orders; both have 100 hidden units.  The peer trains
    one network after the other, ours 40 at once, with its own schedule: 120 to 620 steps.
    The gate: at no size is ours more than 0.3 points worse than the peer, mean of 5 runs of 5 orders each.
    """
    with curves.one_thread():
        world = curves.digits()
        seeds = np.random.default_rng(0).integers(2**31, size=(REPEATS, *world.problem.shape))
        mine: list[Doubles] = []
        theirs: list[Doubles] = []
        ours, peer = in_turn(
            ("seedbed", lambda: mine.append(_ours(world, seeds[len(mine)]))),
            ("learning_curve(MLPClassifier())", lambda: theirs.append(_theirs(world, len(theirs)))),
            REPEATS,
        )
    ahead = 100 * (np.mean(mine, (0, 1)) - np.mean(theirs, (0, 1)))
    told = ", ".join(f"{points:+.2f}" for points in ahead)
    return Outcome(
        ours,
        peer,
        gate=holds(ahead),
        because=f"points ahead of the peer, small sizes first: {told}",
        counts="cpu",
    )


def holds(ahead: Doubles) -> bool:
    """Say whether ours, so many points ahead at each size, is nowhere too far behind."""
    return bool(ahead.min() >= -LOSS_POINTS)


def _ours(world: World, seeds: NDArray[np.int64]) -> Doubles:
    fitted = mlp.fit(world.problem, seeds)
    return world.accuracies(fitted.logits(world.problem.vectors[world.tests]))


def _theirs(world: World, seed: int) -> Doubles:
    return world.of_peer(PEER.set_params(random_state=seed))
