import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from tests import toys
from trainer.engine import neighbors


def clouds(n, seed, classes=4, d=12, apart=2.0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    centers = np.random.default_rng(99).normal(size=(classes, d)) * apart
    return (centers[labels] + rng.normal(size=(n, d))).astype(np.float32), labels


TRAIN, LABELS = clouds(300, 1)
QUERIES, TRUTH = clouds(120, 2)


# --- what must not happen


@pytest.mark.parametrize(
    ("train", "labels", "queries", "message"),
    [
        (TRAIN, LABELS, QUERIES[:, :3], "vectors must be"),
        (TRAIN, LABELS[:-1], QUERIES, "300 vectors"),
        (TRAIN[:1], LABELS[:1], QUERIES, "at least two"),
        (TRAIN, LABELS + 1, QUERIES, r"labels must lie in \[0, 4\), got 1 to 4"),
    ],
)
def test_what_does_not_fit_is_refused(train, labels, queries, message):
    with pytest.raises(ValueError, match=message):
        neighbors.classify(train, labels, queries, 4)


def test_queries_take_no_part_in_choosing_k():
    alone = neighbors.classify(TRAIN, LABELS, QUERIES[:1], 4)
    crowd = neighbors.classify(TRAIN, LABELS, QUERIES, 4)
    assert (alone.k, alone.left_out_accuracy) == (crowd.k, crowd.left_out_accuracy)
    assert np.array_equal(alone.probs[0], crowd.probs[0])


# --- reference


@pytest.mark.parametrize("k", [1, 5, 25])
def test_the_calls_are_those_of_scikit_learn(k):
    ours = neighbors.classify(TRAIN, LABELS, QUERIES, 4, ks=[k])
    mean = TRAIN.mean(0)
    theirs = KNeighborsClassifier(k, metric="cosine").fit(TRAIN - mean, LABELS).predict_proba(QUERIES - mean)
    np.testing.assert_allclose(ours.probs, theirs, atol=neighbors.TIE)


@pytest.mark.parametrize("k", [1, 5])
def test_leaving_one_out_is_what_it_says(k):
    found = neighbors.classify(TRAIN, LABELS, QUERIES, 4, ks=[k]).left_out_accuracy
    vectors = (TRAIN - TRAIN.mean(0)).astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    near = vectors @ vectors.T
    np.fill_diagonal(near, -2)
    order = np.argsort(-near, axis=1)[:, :k]
    calls = np.array([np.bincount(LABELS[row], minlength=4).argmax() for row in order])
    ties = 0.02  # equal votes go to the nearer class here, to the smaller number there
    assert found == pytest.approx(np.mean(calls == LABELS), abs=ties)


# --- invariant


def test_blocks_do_not_change_the_answer(monkeypatch):
    whole = neighbors.classify(TRAIN, LABELS, QUERIES, 4)
    monkeypatch.setattr(neighbors, "BLOCK", 7)
    parts = neighbors.classify(TRAIN, LABELS, QUERIES, 4)
    np.testing.assert_allclose(parts.probs, whole.probs, atol=1e-6)
    assert (parts.k, parts.left_out_accuracy) == (whole.k, whole.left_out_accuracy)


def test_rows_sum_to_one_and_scale_is_no_matter():
    found = neighbors.classify(TRAIN, LABELS, QUERIES, 4)
    assert found.probs.sum(1) == pytest.approx(np.ones(120), abs=1e-6)
    scaled = neighbors.classify(TRAIN * 16 + 3, LABELS, QUERIES * 16 + 3, 4)
    np.testing.assert_allclose(scaled.probs, found.probs, atol=1e-4)


def test_few_rows_and_no_queries_are_lawful():
    found = neighbors.classify(TRAIN[:3], np.array([0, 1, 0]), QUERIES[:0], 2)
    assert (found.probs.shape, found.k) == ((0, 2), 1)


# --- convergence


def test_planted_clouds_are_found():
    found = neighbors.classify(TRAIN, LABELS, QUERIES, 4)
    assert (found.probs.argmax(1) == TRUTH).mean() > 0.9
    assert found.left_out_accuracy == pytest.approx((found.probs.argmax(1) == TRUTH).mean(), abs=0.08)


def test_labels_without_meaning_are_not_found():
    votes = toys.noisy_votes(300, 1, 4, 0.75, np.random.default_rng(0)).votes[:, 0]
    assert neighbors.classify(TRAIN, votes, QUERIES, 4).left_out_accuracy < 0.4
