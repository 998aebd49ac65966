import numpy as np
import pytest
from scipy import stats

from trainer.engine import seeds

BASE = [0.90, 0.91, 0.89, 0.905, 0.90]
BETTER = [0.93, 0.925, 0.92, 0.93, 0.915]


def across(base, other, n_train=800, n_test=200):
    return seeds.across(base, other, n_train=n_train, n_test=n_test)


@pytest.mark.parametrize(("base", "other"), [([], []), ([0.9], [0.91]), ([0.9, 0.8], [0.9])])
def test_one_pair_says_nothing_about_luck(base, other):
    with pytest.raises(ValueError, match="two or more pairs"):
        across(base, other)


def test_equal_gains_are_not_taken_for_certainty():
    """Two seeds, one test item of 20 each: without a floor the interval would have no width."""
    found = across([0.5, 0.6], [0.55, 0.65], n_test=20)
    assert not found.shown
    assert found.p_value > 0.05


def test_two_wins_in_two_pairs_are_no_proof():
    assert not across([0.9, 0.9], [0.95, 0.96]).meaningful


@pytest.mark.parametrize("other", [BASE, BASE[::-1]])
def test_luck_is_not_meaningful(other):
    found = across(BASE, other)
    assert not found.meaningful
    assert not found.shown


# --- reference


def test_nadeau_and_bengio_against_scipy():
    found = across(BASE, BETTER)
    gains = np.subtract(BETTER, BASE)
    error = gains.std(ddof=1) * np.sqrt(1 / 5 + 200 / 800)
    reference = stats.t.interval(0.95, 4, gains.mean(), error)
    assert found.gain == pytest.approx((gains.mean(), *reference))
    assert found.p_value == pytest.approx(2 * stats.t.sf(gains.mean() / error, 4))


def test_with_endless_training_data_it_is_the_paired_t_test():
    found = across(BASE, BETTER, n_train=10**12)
    reference = stats.ttest_rel(BETTER, BASE)
    assert found.p_value == pytest.approx(reference.pvalue)
    assert found.gain[1:] == pytest.approx(reference.confidence_interval(0.95))


def test_a_win_counts_one_and_a_tie_a_half():
    found = across([0.5] * 4, [0.6, 0.6, 0.5, 0.4])
    reference = stats.binomtest(5, 8).proportion_ci(0.9, method="wilson")
    assert found.wins.value == 0.625
    assert found.wins.low < reference.low  # of half as many pairs


def test_five_wins_in_five_are_meaningful():
    found = across(BASE, BETTER)
    assert found.wins == pytest.approx((1.0, 5 / (5 + stats.norm.ppf(0.95) ** 2), 1.0))
    assert found.meaningful
    assert found.shown


def test_what_is_worse_is_shown_and_not_meaningful():
    found = across(BETTER, BASE)
    assert found.shown
    assert not found.meaningful


def test_the_interval_covers_at_least_as_often_as_it_says():
    rng = np.random.default_rng(0)
    drawn = [across(rng.normal(0.8, 0.02, 4), rng.normal(0.81, 0.02, 4)).gain for _ in range(400)]
    assert np.mean([low <= 0.01 <= high for _, low, high in drawn]) > 0.95
