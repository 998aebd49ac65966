import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from tests import toys
from trainer.engine import intervals, metrics

RNG = np.random.default_rng


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


# --- reference


@pytest.mark.parametrize("seed", range(3))
def test_scores_against_sklearn(seed):
    probs, labels = toys.scored(seed=seed)
    calls = probs.argmax(1)
    found = report(probs, labels)
    assert found.accuracy.value == sk.accuracy_score(labels, calls)
    assert found.balanced_accuracy.value == pytest.approx(sk.balanced_accuracy_score(labels, calls))
    assert found.macro_f1.value == pytest.approx(sk.f1_score(labels, calls, average="macro"))
    assert found.nll.value == pytest.approx(sk.log_loss(labels, probs))
    assert found.brier.value == pytest.approx(sk.brier_score_loss(labels, probs, scale_by_half=False))
    assert found.confusion == tuple(map(tuple, sk.confusion_matrix(labels, calls).tolist()))
    precision, recall, _, counts = sk.precision_recall_fscore_support(labels, calls)
    assert [c.precision.value for c in found.classes] == pytest.approx(precision)
    assert [c.recall.value for c in found.classes] == pytest.approx(recall)
    assert [c.n for c in found.classes] == counts.tolist()


def test_macro_f1_over_the_classes_of_the_test_set_against_sklearn():
    probs, labels = toys.scored(k=6)
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


def test_the_bootstrap_of_the_losses_is_the_plain_one():
    """Counting how often an item comes is drawing items: equal quantiles up to resampling noise."""
    probs, labels = toys.scored(n=150, skill=1.0)
    found, rng = report(probs, labels), RNG(1)
    rows = [np.flatnonzero(labels == c) for c in range(5)]
    draws = [np.concatenate([rng.choice(r, len(r)) for r in rows]) for _ in range(400)]
    nll = [sk.log_loss(labels[d], probs[d], labels=range(5)) for d in draws]
    brier = [sk.brier_score_loss(labels[d], probs[d], labels=range(5), scale_by_half=False) for d in draws]
    assert found.nll[1:] == pytest.approx(np.quantile(nll, [0.025, 0.975]), abs=0.03)
    assert found.brier[1:] == pytest.approx(np.quantile(brier, [0.025, 0.975]), abs=0.02)


# --- invariant


def test_the_order_of_the_items_is_no_matter():
    probs, labels = toys.scored()
    shuffled = RNG(1).permutation(len(labels))
    again, first = report(probs[shuffled], labels[shuffled]), report(probs, labels)
    assert [getattr(again, name) for name in metrics.SCORES] == [
        getattr(first, name) for name in metrics.SCORES
    ]
    assert (again.classes, again.confusion) == (first.classes, first.confusion)
    values = [[getattr(found, name).value for name in metrics.LOSSES] for found in (again, first)]
    assert values[0] == pytest.approx(values[1])


@given(st.integers(2, 6), st.integers(2, 60), st.integers(0, 10_000))
def test_every_value_lies_in_its_interval_and_every_interval_in_its_range(k, n, seed):
    found = report(*toys.scored(n=n, k=k, skill=1.0, seed=seed))
    tops = dict.fromkeys(metrics.SCORES, 1.0) | {"nll": math.inf, "ece": 1.0, "brier": 2.0}
    figures = {name: getattr(found, name) for name in tops}
    assert all(0 <= f.low <= f.value <= f.high <= tops[name] for name, f in figures.items())
    assert sum(map(sum, found.confusion)) == found.n == n


def test_a_class_that_nobody_has_or_calls_has_no_share():
    found = report(np.tile([0.7, 0.2, 0.1], (4, 1)), np.array([0, 0, 1, 1]))
    assert found.classes[2] == metrics.ClassScore(0, None, None)
    assert found.classes[1].precision is None
    assert found.classes[1].recall.value == 0


def test_the_report_is_plain_json():
    found = report(*toys.scored()).to_json()
    assert json.loads(json.dumps(found)) == found
    assert all(found[name].keys() == {"value", "low", "high"} for name in metrics.SCORES + metrics.LOSSES)
    assert found["classes"][0].keys() == {"n", "precision", "recall"}


def test_single_precision_is_taken_as_well():
    probs, labels = toys.scored()
    assert report(probs.astype(np.float32), labels).accuracy == report(probs, labels).accuracy


# --- determinism and convergence


def test_the_same_rng_gives_the_same_intervals():
    probs, labels = toys.scored()
    assert report(probs, labels, 3) == report(probs, labels, 3)
    assert report(probs, labels, 3).macro_f1 != report(probs, labels, 4).macro_f1


@pytest.mark.parametrize(
    ("recalls", "counts"),
    [([0.5, 0.7, 0.8, 0.9], [12, 24, 36, 48]), ([0.97] * 5, [45, 45, 45, 11, 11]), ([0.95, 0.95], [10, 200])],
)
def test_balanced_accuracy_interval_covers_the_truth(recalls, counts, monkeypatch):
    for module in (metrics, intervals):  # this interval is no bootstrap
        monkeypatch.setattr(module, "RESAMPLES", 10)
    rng = RNG(0)
    labels = np.repeat(np.arange(len(counts)), counts)

    def interval():
        wrong = rng.random(len(labels)) > np.repeat(recalls, counts)
        calls = (labels + wrong) % len(counts)
        return report(np.eye(len(counts))[calls], labels).balanced_accuracy

    hits = [low <= np.mean(recalls) <= high for _, low, high in (interval() for _ in range(400))]
    assert np.mean(hits) > 0.92


@pytest.mark.parametrize("sureness", [1.0, 1.5, 3.0])
def test_calibration_error_interval_covers_the_truth(sureness):
    """Labels follow softmax(z), the model says softmax(sureness * z): at 1 it is calibrated."""

    def world(n, rng):
        logits = 2 * rng.normal(size=(n, 4))
        true, said = (np.exp(logits * s) / np.exp(logits * s).sum(1, keepdims=True) for s in (1, sureness))
        labels = (true.cumsum(1) < rng.random((n, 1))).sum(1)
        return said, np.minimum(labels, 3)

    truth = metrics.calibration_error(*world(200_000, RNG(0)))
    found = [report(*world(150, RNG(seed)), seed).ece for seed in range(1, 81)]
    assert np.mean([low <= truth <= high for _, low, high in found]) > 0.85


def test_certain_models_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = report(np.eye(3)[[0, 1, 2, 0]], np.array([0, 1, 2, 1]))
    assert all(map(math.isfinite, found.nll))
