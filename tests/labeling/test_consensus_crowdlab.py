import numpy as np
import pytest

from labeling.consensus import crowdlab
from labeling.consensus.table import NOTHING
from tests import toys


def world(n=600, seed=0):
    """Two of three people look at each sample; a model is right more often than one of them."""
    rng = np.random.default_rng(seed)
    votes = toys.noisy_votes(n, 3, 4, 0.3, rng)
    said = votes.votes.astype(np.int16)
    said[np.arange(n), rng.integers(0, 3, n)] = NOTHING
    logits = rng.normal(size=(n, 4)) + 2.5 * np.eye(4)[votes.truth]
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return said, probs, votes.truth


def weigh(said, probs, seed=0):
    return crowdlab.consensus(np.asarray(said, dtype=np.int16), probs, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ([[0, 1], [NOTHING, NOTHING]], "of each sample"),
        ([[0, NOTHING], [NOTHING, 1]], "two that agree"),
        ([[0, 1], [1, 0]], "two that agree"),
        ([[0, 0, NOTHING], [1, 1, NOTHING]], "of each person"),
        ([[0, 0]], "of each sample"),
        ([[0, 0], [1, 2]], "class numbers"),
    ],
)
def test_opinions_that_cannot_be_weighed_are_refused(said, rule):
    with pytest.raises(ValueError, match=rule):
        weigh(said, np.full((2, 2), 0.5))


def test_a_model_decides_between_two_people_who_differ():
    said, probs, truth = world()
    found = weigh(said, probs)
    differ = np.array([len({*row[row != NOTHING].tolist()}) == 2 for row in said])
    assert (found.labels[differ] == truth[differ]).mean() > 0.7  # chance alone: about a half
    assert (found.labels == truth).mean() > (probs.argmax(axis=1) == truth).mean()


def test_confidence_tells_right_from_wrong():
    said, probs, truth = world()
    found = weigh(said, probs)
    right = found.labels == truth
    assert found.confidence[right].mean() > found.confidence[~right].mean() + 0.1
    assert ((found.confidence >= 0) & (found.confidence <= 1)).all()


def test_a_careless_person_is_trusted_least():
    said, probs, _ = world()
    rng = np.random.default_rng(5)
    said[:, 2] = np.where(said[:, 2] == NOTHING, NOTHING, rng.integers(0, 4, len(said)))
    assert weigh(said, probs).quality.argmin() == 2


def test_who_shares_nothing_has_no_quality():
    said, probs, _ = world(100)
    alone = np.full((100, 1), NOTHING, dtype=np.int16)
    said, alone[0] = np.hstack([said, alone]), 1
    said = np.vstack([said, [[NOTHING, NOTHING, NOTHING, 2]]])
    found = weigh(said, np.vstack([probs, probs[:1]]))
    assert np.isnan(found.quality).tolist() == [False, False, False, True]


def test_ties_of_an_undecided_model_are_broken_by_the_given_generator():
    said = np.array([[0, 1], [1, 0], [0, 0], [1, 1]] * 10, dtype=np.int16)
    once, again = (weigh(said, np.full((40, 2), 0.5), seed=3) for _ in range(2))
    assert (once.labels == again.labels).all()
    assert len({*once.labels[0::4].tolist()}) == 2
