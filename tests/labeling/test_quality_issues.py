"""Doubtful labels: on public labels with known errors, and on planted ones."""

import json

import numpy as np
import pytest

from labeling.quality import issues
from labeling.quality.issues import Filter, Score

NAMES = ["cat", "dog", "emu"]


@pytest.fixture
def cifar10(shared_data):
    """The test labels of CIFAR-10, out-of-sample probabilities, and which labels people found wrong."""
    folder = shared_data / "curves" / "label_errors"
    with np.load(folder / "cifar10_test_cv.npz") as kept:
        labels, probs = kept["labels"].astype(np.int64), kept["pred_probs"]
    rows = json.loads((folder / "cifar10_mturk.json").read_text())
    return labels, probs, {row["id"] for row in rows if row["mturk"]["given"] < 3}  # of five people


def world(n=300, flipped=15, seed=0):
    """Labels with planted errors, and probabilities of a model that is mostly right."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 3
    probs = rng.dirichlet([1, 1, 1], n) * 0.2 + np.eye(3)[truth] * 0.8
    labels = truth.copy()
    wrong = rng.choice(n, flipped, replace=False)
    labels[wrong] = (labels[wrong] + 1) % 3
    return labels, probs, set(wrong.tolist())


@pytest.mark.parametrize(
    ("labels", "probs", "told"),
    [
        ([0, 1], np.full((3, 3), 1 / 3), "must be"),
        ([0, 3], np.full((2, 3), 1 / 3), "got 0 to 3"),
        ([0, -1], np.full((2, 3), 1 / 3), "got -1 to 0"),
        ([0, 1], np.full((2, 3), np.nan), "finite"),
    ],
)
def test_what_does_not_fit_is_refused(labels, probs, told):
    with pytest.raises(ValueError, match=told):
        issues.find(np.array(labels), probs, NAMES)


def test_no_labels_no_issues():
    assert issues.find(np.empty(0, np.int64), np.empty((0, 3)), NAMES) == ()


def test_a_model_that_agrees_flags_nothing():
    labels, probs, _ = world(flipped=0)
    assert issues.find(labels, probs, NAMES) == ()


def test_rare_and_absent_classes_are_no_error():
    labels, probs, _ = world()
    found = issues.find(np.where(labels == 2, 0, labels), probs, NAMES)
    assert {one.given for one in found} <= {0, 1}


@pytest.mark.parametrize("chosen_by", Filter)
@pytest.mark.parametrize("ranked_by", Score)
def test_planted_errors_are_found(chosen_by, ranked_by):
    labels, probs, wrong = world()
    found = issues.find(labels, probs, NAMES, chosen_by=chosen_by, ranked_by=ranked_by)
    assert {one.row for one in found} <= wrong
    assert len(found) >= 12  # of 15: how many are flagged is an estimate, too
    assert [one.score for one in found] == sorted(one.score for one in found)


def test_an_issue_says_why():
    labels, probs, _ = world()
    first = issues.find(labels, probs, NAMES)[0]
    given, proposed = probs[first.row, first.given], probs[first.row, first.proposed]
    assert (first.score, first.confidence) == (pytest.approx(given), proposed)
    assert first.proposed == (first.given - 1) % 3
    assert first.reason == (
        f"A model that never saw this label gives “{NAMES[first.proposed]}” {proposed:.2f} "
        f"and “{NAMES[first.given]}” {given:.2f}."
    )


def test_the_margin_is_what_it_says():
    labels, probs, _ = world()
    first = issues.find(labels, probs, NAMES, ranked_by=Score.MARGIN)[0]
    margin = probs[first.row, first.given] - probs[first.row, first.proposed]
    assert first.score == pytest.approx((1 + margin) / 2)


@pytest.mark.parametrize(
    ("chosen_by", "flagged", "true"),
    [
        (Filter.CLASS, 284, 46),
        (Filter.NOISE_RATE, 284, 49),
        (Filter.BOTH, 226, 44),
        (Filter.CONFIDENT, 244, 48),
    ],
)
def test_errors_of_cifar10_are_found(chosen_by, flagged, true, cifar10):
    labels, probs, wrong = cifar10
    found = issues.find(labels, probs, [str(k) for k in range(10)], chosen_by=chosen_by)
    assert (len(wrong), len(found), sum(one.row in wrong for one in found)) == (54, flagged, true)
