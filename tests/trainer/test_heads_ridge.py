"""Ridge heads are scikit-learn's, for all subsets at once."""

import dataclasses

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier, RidgeClassifierCV

from labeling.progress import Cancelled
from tests.trainer.heads_world import WORLDS, lacking, problem, subsets
from trainer.engine.heads import ridge

each_world = pytest.mark.parametrize("whole", WORLDS.values(), ids=WORLDS.keys())


def peers(whole, make):
    """Return scikit-learn's classifier of each subset."""
    vectors = whole.vectors.astype(np.float64)
    return [make().fit(vectors[rows], whole.labels[rows]) for _, _, rows in subsets(whole)]


def scores(classifier, vectors, n_classes):
    """Return (M, n_classes), -1 for a class that it does not know; of two it tells the second's only."""
    found = classifier.decision_function(vectors)
    told = np.full((len(vectors), n_classes), -1.0)
    told[:, classifier.classes_] = found if found.ndim == 2 else np.stack([-found, found], 1)
    return told


# --- what must not happen


@pytest.mark.parametrize("bad", [{"penalty": 0.0}, {"penalty": -1.0}, {"penalties": ()}])
def test_penalties_are_positive(bad):
    with pytest.raises(ValueError, match="penalties must be positive"):
        ridge.fit(problem(), **bad)


def test_it_stops_when_told():
    def stop(progress):
        raise Cancelled

    with pytest.raises(Cancelled):
        ridge.fit(problem(), report=stop)


def test_a_class_that_a_subset_lacks_is_never_called():
    whole = lacking(apart=0.2)
    calls = ridge.fit(whole).logits(1000 * whole.vectors).argmax(3)
    assert not (calls[:, :2] == 2).any()
    assert (calls[:, 2] == 2).any()


# --- reference


@each_world
def test_scores_and_calls_are_sklearns(whole):
    asked = whole.vectors[200:].astype(np.float64)
    found = ridge.fit(whole, penalty=1.0).logits(asked).reshape(-1, 100, whole.n_classes)
    known = peers(whole, RidgeClassifier)
    expected = np.stack([scores(peer, asked, whole.n_classes) for peer in known])
    assert found == pytest.approx(expected, abs=1e-9)
    assert np.array_equal(found.argmax(2), np.stack([peer.predict(asked) for peer in known]))


@each_world
def test_leave_one_out_chooses_as_sklearn_does(whole):
    chosen = [peer.alpha_ for peer in peers(whole, lambda: RidgeClassifierCV(ridge.PENALTIES))]
    assert ridge.fit(whole).penalties.ravel() == pytest.approx(np.array(chosen))


@pytest.mark.parametrize("width", [4, 60], ids=["tall", "wide"])
def test_left_out_errors_are_those_of_heads_that_did_not_see_the_row(width):
    whole = problem(repeats=1, sizes=(30,), d=width)
    rows, penalties = whole.rows(0), [0.3, 3.0]
    (subset,) = ridge._subsets(whole, 0, np.zeros(width), 1)

    def left_out(left, penalty):
        others = dataclasses.replace(whole, orders=np.delete(rows, left)[None], sizes=(29,))
        told = ridge.fit(others, penalty=penalty).logits(whole.vectors[rows[[left]]].astype(np.float64))
        return np.square(told - np.where(np.arange(3) == whole.labels[rows[left]], 1, -1)).sum()

    expected = [sum(left_out(left, penalty) for left in range(30)) for penalty in penalties]
    assert ridge.left_out_errors(subset, penalties) == pytest.approx(expected, rel=1e-5)


# --- invariant, determinism, planted truth


def test_a_common_shift_moves_nothing_but_the_intercept():
    whole = problem()
    shifted = dataclasses.replace(whole, vectors=whole.vectors + 100)
    assert ridge.fit(shifted, penalty=1.0).weight == pytest.approx(
        ridge.fit(whole, penalty=1.0).weight, abs=1e-5
    )


def test_company_does_not_matter():
    whole = problem(sizes=(12, 40, 120))
    alone = dataclasses.replace(whole, orders=whole.orders[1:], sizes=(40,))
    assert ridge.fit(alone).weight[0, 0] == pytest.approx(ridge.fit(whole).weight[1, 1])


def test_the_same_problem_gives_the_same_bits():
    first, again = ridge.fit(problem()), ridge.fit(problem())
    assert np.array_equal(first.weight, again.weight)


def test_noise_asks_for_a_larger_penalty_than_signal():
    clear = ridge.fit(problem(d=30, apart=2.0)).penalties[:, -1]
    noise = ridge.fit(problem(d=30, apart=0.05)).penalties[:, -1]
    assert (noise > 10 * clear).all()
