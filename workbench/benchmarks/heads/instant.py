"""How much sooner a curve of ridge heads is there than one of logistic heads."""

from sklearn.linear_model import LogisticRegression

from trainer.engine.heads import ridge as heads_of_ridge
from workbench.benchmarks.heads import curves, ridge
from workbench.benchmarks.registry import Outcome, benchmark, in_turn

REPEATS = 5
ITERATIONS = 1000  # at most: with its own 100 the peer warns that it did not converge


@benchmark(target=30.0)
def instant() -> Outcome:
    """The peer is scikit-learn's learning_curve of LogisticRegression() on the same subsets.

    The curve of heads.ridge, and its gate: ours are ridge heads with the penalty 1, another model that
    answers the same question.  The peer gets float64 and as many iterations as it needs.
    """
    with curves.one_thread():
        world = curves.embeddings()
        peer_model = LogisticRegression(max_iter=ITERATIONS)
        accuracies = []
        ours, peer = in_turn(
            ("seedbed", lambda: ridge.solved(world)),
            ("learning_curve(LogisticRegression())", lambda: accuracies.append(world.of_peer(peer_model))),
            REPEATS,
        )
        ours.figures["accuracy_at_the_largest"] = float(ridge.solved(world)[:, -1].mean())
        peer.figures["accuracy_at_the_largest"] = float(accuracies[0][:, -1].mean())
        far, others = ridge.compared(world, heads_of_ridge.fit(world.problem, penalty=ridge.PENALTY))
    return Outcome(
        ours,
        peer,
        gate=far <= ridge.TOLERANCE and others == 0,
        because=f"scores within {far:.1e} of RidgeClassifier's, {others} other calls",
        counts="cpu",
    )
