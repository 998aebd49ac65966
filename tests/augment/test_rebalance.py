import numpy as np
import pytest

from augment import plans, rebalance

LABELS = np.repeat([0, 1, 3], [30, 7, 2]).astype(np.int64)  # class 2 has no sample
COUNTS = np.bincount(LABELS)


def draw(strength, seed=0, labels=LABELS):
    return rebalance.draw(
        labels, plans.target_counts(np.bincount(labels), strength), np.random.default_rng(seed)
    )


@pytest.mark.parametrize("targets", [[29, 7, 0, 2], [30, 7, 1, 2]])
def test_a_plan_that_cannot_be_drawn_is_refused(targets):
    with pytest.raises(ValueError, match="targets must not lie below the counts"):
        rebalance.draw(LABELS, np.array(targets), np.random.default_rng(0))


def test_rows_of_other_samples_are_never_drawn():
    """A training fold lies in a larger dataset: only its own rows come back."""
    fold = np.array([5, 17, 31, 32, 33, 38])
    drawn = fold[draw(1.0, labels=LABELS[fold])]
    assert set(drawn) == set(fold)


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_the_drawn_counts_are_the_planned_ones_and_every_row_comes(strength):
    rows = draw(strength)
    assert np.bincount(LABELS[rows]).tolist() == plans.target_counts(COUNTS, strength).tolist()
    assert np.unique(rows).tolist() == list(range(len(LABELS)))


def test_a_single_class_is_left_as_it_is():
    assert draw(1.0, labels=np.zeros(4, np.int64)).tolist() == [0, 1, 2, 3]


def test_the_same_seed_draws_the_same_rows_and_another_seed_others():
    assert draw(1.0, seed=1).tolist() == draw(1.0, seed=1).tolist()
    assert draw(1.0, seed=1).tolist() != draw(1.0, seed=2).tolist()


def test_repeats_are_spread_evenly_in_the_long_run():
    labels = np.repeat([0, 1], [40_000, 4]).astype(np.int64)
    drawn = np.bincount(draw(1.0, labels=labels))[-4:]
    assert drawn == pytest.approx(np.full(4, 10_000), rel=0.05)  # sd of each is 87
