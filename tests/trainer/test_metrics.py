import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from trainer.engine import metrics

RNG = np.random.default_rng


def world(n=400, k=5, skill=2.0, seed=0):
    """Labels and the probabilities of a model that is right more often the more skill it has."""
    rng = RNG(seed)
    labels = rng.choice(k, n, p=np.arange(1, k + 1) / (k * (k + 1) / 2))
    logits = rng.normal(size=(n, k)) + skill * np.eye(k)[labels]
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return probs, labels.astype(np.int64)


def report(probs, labels, seed=0):
    return metrics.evaluate(probs, labels, RNG(seed))


@pytest.mark.parametrize(
    ("probs", "labels", "message"),
    [
        (np.zeros((0, 2)), np.zeros(0, int), "N > 0"),
        (np.full((2, 2), 0.5), np.array([0]), "probs must be"),
        (np.full((2, 2), 0.5), np.array([0, 2]), r"labels must lie in \[0, 2\)"),
        (np.full((2, 2), 0.5), np.array([-1, 0]), r"labels must lie in \[0, 2\)"),
        (np.full((2, 2), 0.4), np.array([0, 1]), "sum to 1"),
        (np.array([[np.nan, np.nan]]), np.array([0]), "sum to 1"),
        (np.array([[1.5, -0.5]]), np.array([0]), "non-negative"),
    ],
)
def test_what_does_not_fit_is_refused(probs, labels, message):
    with pytest.raises(ValueError, match=message):
        report(probs, labels)


@pytest.mark.parametrize(("hits", "n"), [(1, 0), (3, 2), (-1, 2)])
def test_impossible_counts_are_refused(hits, n):
    with pytest.raises(ValueError, match="hits must lie in"):
        metrics.wilson(hits, n)


# --- reference


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"), [(90, 100, 0.8256, 0.9448), (0, 20, 0, 0.1611), (930, 1000, 0.9125, 0.9442)]
)
def test_wilson_against_published_values(hits, n, low, high):
    assert metrics.wilson(hits, n) == pytest.approx((hits / n, low, high), abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_against_scipy(pair):
    reference = stats.binomtest(*pair).proportion_ci(method="wilson")
    assert metrics.wilson(*pair)[1:] == pytest.approx((reference.low, reference.high), abs=1e-12)


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_against_scipy(fixed, broken):
    reference = stats.binomtest(fixed, fixed + broken).pvalue if fixed + broken else 1.0
    assert metrics.mcnemar(fixed, broken) == pytest.approx(reference, rel=1e-9)


def test_mcnemar_of_a_textbook_pair_and_of_a_large_one():
    assert metrics.mcnemar(15, 5) == pytest.approx(0.0414, abs=5e-5)
    assert metrics.mcnemar(3000, 3000) == 1.0
    assert metrics.mcnemar(40_000, 41_000) == pytest.approx(stats.binomtest(40_000, 81_000).pvalue, rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_scores_against_sklearn(seed):
    probs, labels = world(seed=seed)
    calls = probs.argmax(1)
    found = report(probs, labels)
    assert found.accuracy.value == sk.accuracy_score(labels, calls)
    assert found.balanced_accuracy.value == pytest.approx(sk.balanced_accuracy_score(labels, calls))
    assert found.macro_f1.value == pytest.approx(sk.f1_score(labels, calls, average="macro"))
    assert found.nll == pytest.approx(sk.log_loss(labels, probs))
    assert found.brier == pytest.approx(sk.brier_score_loss(labels, probs, scale_by_half=False))
    assert found.confusion == tuple(map(tuple, sk.confusion_matrix(labels, calls).tolist()))
    precision, recall, _, counts = sk.precision_recall_fscore_support(labels, calls)
    assert [c.precision.value for c in found.classes] == pytest.approx(precision)
    assert [c.recall.value for c in found.classes] == pytest.approx(recall)
    assert [c.n for c in found.classes] == counts.tolist()


def test_macro_f1_over_the_classes_of_the_test_set_against_sklearn():
    probs, labels = world(k=6)
    labels[labels == 5] = 4  # predicted, but no longer in the test set
    reference = sk.f1_score(labels, probs.argmax(1), labels=range(5), average="macro")
    assert report(probs, labels).macro_f1.value == pytest.approx(reference)


def test_calibration_error_by_hand():
    probs = np.array([[0.9, 0.1], [0.9, 0.1], [0.62, 0.38], [0.38, 0.62]])
    labels = np.array([0, 1, 0, 1])
    # 15 bins: two items at .9 (half right) and two at .62 (both right)
    assert metrics.calibration_error(probs, labels) == pytest.approx((2 * 0.4 + 2 * 0.38) / 4)


def test_balanced_accuracy_interval_by_hand():
    """Two classes, 8 of 10 and 3 of 4 found: each share gets one hit and one miss more."""
    table = np.repeat([[0, 0], [0, 1], [1, 1], [1, 0]], [8, 2, 3, 1], axis=0)
    found = report(np.eye(2)[table[:, 1]], table[:, 0]).balanced_accuracy
    half = 1.959964 * math.sqrt(0.75 * 0.25 / 12 + (4 / 6) * (2 / 6) / 6) / 2
    middle = (0.75 + 4 / 6) / 2
    assert found == pytest.approx((0.775, middle - half, middle + half), abs=1e-6)


def test_the_fast_bootstrap_is_the_plain_one():
    """Drawing kinds of items by a multinomial is drawing items: equal quantiles up to resampling noise."""
    base, labels = world(n=120, skill=1.0, seed=1)
    other, _ = world(n=120, skill=1.5, seed=1)
    found = metrics.compare(base, other, labels, RNG(0))
    rng = RNG(1)
    rows = [np.flatnonzero(labels == c) for c in range(5)]
    draws = [np.concatenate([rng.choice(r, len(r)) for r in rows]) for _ in range(250)]
    for i, score in enumerate(
        [sk.accuracy_score, sk.balanced_accuracy_score, lambda y, c: sk.f1_score(y, c, average="macro")]
    ):
        gains = [score(labels[d], other.argmax(1)[d]) - score(labels[d], base.argmax(1)[d]) for d in draws]
        assert found[i][3:5] == pytest.approx(np.quantile(gains, [0.025, 0.975]), abs=0.025)


# --- invariant


def test_the_order_of_the_items_is_no_matter():
    probs, labels = world()
    shuffled = RNG(1).permutation(len(labels))
    again = report(probs[shuffled], labels[shuffled])
    assert (
        json.dumps(again.to_json(), sort_keys=True)[:200]
        == json.dumps(report(probs, labels).to_json(), sort_keys=True)[:200]
    )
    assert again.nll == pytest.approx(report(probs, labels).nll)


@given(st.integers(2, 6), st.integers(2, 60), st.integers(0, 10_000))
def test_every_value_lies_in_its_interval_and_every_interval_in_its_range(k, n, seed):
    found = report(*world(n=n, k=k, skill=1.0, seed=seed))
    for interval in (found.accuracy, found.balanced_accuracy, found.macro_f1):
        assert 0 <= interval.low <= interval.high <= 1
    assert found.accuracy.low <= found.accuracy.value <= found.accuracy.high
    assert 0 <= found.ece <= 1
    assert 0 <= found.brier <= 2
    assert sum(map(sum, found.confusion)) == found.n == n


def test_a_class_that_nobody_has_or_calls_has_no_share():
    found = report(np.tile([0.7, 0.2, 0.1], (4, 1)), np.array([0, 0, 1, 1]))
    assert found.classes[2] == metrics.ClassScore(0, None, None)
    assert found.classes[1].precision is None
    assert found.classes[1].recall.value == 0


def test_the_report_is_plain_json():
    found = report(*world()).to_json()
    assert json.loads(json.dumps(found)) == found
    assert found["accuracy"].keys() == {"value", "low", "high"}
    assert found["classes"][0].keys() == {"n", "precision", "recall"}


def test_single_precision_is_taken_as_well():
    probs, labels = world()
    assert report(probs.astype(np.float32), labels).accuracy == report(probs, labels).accuracy


def test_a_model_against_itself_gains_nothing():
    probs, labels = world()
    for difference in metrics.compare(probs, probs, labels, RNG(0)):
        assert difference[2:5] == (0, 0, 0)
        assert (difference.fixed, difference.broken) == (0, 0)


def test_swapping_the_models_turns_the_difference_round():
    base, labels = world(skill=1.0)
    other, _ = world(skill=2.0)
    there, back = (metrics.compare(*pair, labels, RNG(0)) for pair in [(base, other), (other, base)])
    for one, two in zip(there, back, strict=True):
        assert one.gain == pytest.approx(-two.gain)
        assert (one.low, one.high) == pytest.approx((-two.high, -two.low), abs=0.01)
        assert (one.fixed, one.broken, one.p_value) == (two.broken, two.fixed, two.p_value)
    assert [d.p_value is None for d in there] == [False, True, True]


def test_fixed_and_broken_items_make_up_the_gain():
    base, labels = world(skill=1.0)
    other, _ = world(skill=1.5)
    first = metrics.compare(base, other, labels, RNG(0))[0]
    assert first.gain == pytest.approx((first.fixed - first.broken) / first.n)


# --- determinism and convergence


def test_the_same_rng_gives_the_same_intervals():
    probs, labels = world()
    assert report(probs, labels, 3) == report(probs, labels, 3)
    assert report(probs, labels, 3).macro_f1 != report(probs, labels, 4).macro_f1


@pytest.mark.parametrize(
    ("recalls", "counts"),
    [([0.5, 0.7, 0.8, 0.9], [12, 24, 36, 48]), ([0.97] * 5, [45, 45, 45, 11, 11]), ([0.95, 0.95], [10, 200])],
)
def test_balanced_accuracy_interval_covers_the_truth(recalls, counts):
    rng = RNG(0)
    labels = np.repeat(np.arange(len(counts)), counts)

    def interval():
        wrong = rng.random(len(labels)) > np.repeat(recalls, counts)
        calls = (labels + wrong) % len(counts)
        return report(np.eye(len(counts))[calls], labels).balanced_accuracy

    hits = [low <= np.mean(recalls) <= high for _, low, high in (interval() for _ in range(400))]
    assert np.mean(hits) > 0.92


def test_paired_interval_covers_the_true_gain():
    def gain(n, seed):
        rng = RNG(seed)
        labels = rng.integers(0, 4, n)
        shared = rng.normal(size=(n, 4)) + np.eye(4)[labels]
        pair = [shared + 0.5 * rng.normal(size=(n, 4)) + extra * np.eye(4)[labels] for extra in (0.0, 0.3)]
        pair = [np.exp(p) / np.exp(p).sum(1, keepdims=True) for p in pair]
        return metrics.compare(*pair, labels, RNG(seed))[0]

    truth = gain(100_000, 0).gain
    hits = [found.low <= truth <= found.high for found in (gain(200, seed) for seed in range(1, 201))]
    assert 0.91 <= np.mean(hits) <= 0.99
    assert truth > 0.02


def test_certain_models_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = report(np.eye(3)[[0, 1, 2, 0]], np.array([0, 1, 2, 1]))
    assert math.isfinite(found.nll)
