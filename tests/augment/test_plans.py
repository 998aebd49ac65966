import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augment import plans

COUNTS = st.lists(st.integers(0, 1000), min_size=1, max_size=12).map(lambda c: np.array(c, dtype=np.int64))


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_outside_its_range_is_refused(strength):
    with pytest.raises(ValueError, match=r"strength must lie in \[0, 1\]"):
        plans.target_counts(np.array([3, 1]), strength)


def test_a_class_without_samples_stays_empty():
    assert plans.target_counts(np.array([8, 0, 2]), 1.0).tolist() == [8, 0, 8]


@pytest.mark.parametrize(
    ("strength", "expected"),
    [(0.0, [40, 10, 1]), (0.5, [40, 25, 21]), (1.0, [40, 40, 40])],
)
def test_the_gap_to_the_largest_class_closes_by_the_strength(strength, expected):
    assert plans.target_counts(np.array([40, 10, 1]), strength).tolist() == expected


@given(COUNTS, st.floats(0, 1))
def test_no_class_shrinks_none_outgrows_the_largest_and_order_stays(counts, strength):
    targets = plans.target_counts(counts, strength)
    assert (targets >= counts).all()
    assert targets.max() == counts.max()
    assert (np.diff(targets[np.argsort(counts, kind="stable")]) >= 0).all()


@given(COUNTS)
def test_more_strength_never_means_less(counts):
    steps = [plans.target_counts(counts, strength) for strength in np.linspace(0, 1, 11)]
    assert (np.diff(steps, axis=0) >= 0).all()


def test_the_plan_counts_the_training_labels_it_is_given():
    plan = plans.plan(["a", "b", "c"], np.array([0, 0, 0, 0, 1, 1]), 0.5)
    assert plan.to_json() == [
        {"class": "a", "have": 4, "train": 4, "extra": 0},
        {"class": "b", "have": 2, "train": 3, "extra": 1},
        {"class": "c", "have": 0, "train": 0, "extra": 0},
    ]
    assert (plan.imbalance_before, plan.imbalance_after) == (2.0, pytest.approx(4 / 3))


@pytest.mark.parametrize(("counts", "expected"), [([0, 0], 1.0), ([5, 0], 1.0), ([9, 3, 0], 3.0)])
def test_imbalance(counts, expected):
    assert plans.imbalance(np.array(counts)) == expected
