from collections import Counter

import numpy as np
import pytest
import toys
from hypothesis import given
from hypothesis import strategies as st

from labeling import agreement

# Krippendorff 2011, section C: nominal data, four observers, missing values; unit by unit.
KRIPPENDORFF = ["111", "2232", "3333", "3333", "2222", "1234", "4444", "1121", "2222", "555", "11", "3"]
VOTES = st.lists(st.sampled_from("abc"), max_size=9)


def test_without_votes_there_is_no_consensus():
    assert agreement.majority([], "k") is None
    assert agreement.measure([]) is None
    assert agreement.measure([["cat"], []]) is None


def test_a_tie_favors_no_class():
    won = Counter(agreement.majority(["a", "b"], f"key {i}").label for i in range(1000))
    assert 420 < won["a"] < 580  # five standard deviations around 500


@given(VOTES.filter(bool), st.randoms(use_true_random=False))
def test_the_order_of_votes_is_no_matter(votes, random):
    shuffled = votes[:]
    random.shuffle(shuffled)
    assert agreement.majority(shuffled, "k") == agreement.majority(votes, "k")


@given(VOTES.filter(bool))
def test_nobody_has_more_votes_than_the_consensus(votes):
    consensus = agreement.majority(votes, "k")
    assert votes.count(consensus.label) == max(Counter(votes).values())
    assert consensus.share == votes.count(consensus.label) / len(votes)
    assert consensus.votes == len(votes)


def test_alpha_is_krippendorffs():
    measured = agreement.measure(KRIPPENDORFF)
    assert measured.items == 11
    assert measured.alpha == pytest.approx(0.743, abs=0.0005)


def test_full_agreement_is_one_and_chance_is_zero():
    assert agreement.measure([["a", "a"], ["b", "b", "b"]])[1:] == (1.0, 1.0)
    assert agreement.measure([["a", "a"], ["a", "a"]]).alpha == 1.0
    world = toys.noisy_votes(20_000, 3, 2, 0.5, np.random.default_rng(0))
    assert agreement.measure(world.votes.tolist()).alpha == pytest.approx(0, abs=0.02)


@given(st.lists(VOTES, min_size=1))
def test_figures_stay_in_their_range(samples):
    measured = agreement.measure([*samples, "ab"])
    assert 0 <= measured.pairwise <= 1
    assert measured.alpha <= 1


@pytest.mark.parametrize("error", [0.1, 0.25])
def test_the_majority_of_three_errs_as_theory_says(error):
    world = toys.noisy_votes(20_000, 3, 2, error, np.random.default_rng(1))
    consensus = [
        int(agreement.majority(list(map(str, v)), str(i)).label) for i, v in enumerate(world.votes.tolist())
    ]
    expected = error**2 * (3 - 2 * error)  # two or three of three wrong; 20,000 items: within 5 deviations
    assert np.mean(consensus != world.truth) == pytest.approx(expected, abs=5 * (expected / 20_000) ** 0.5)
    assert agreement.measure(world.votes.tolist()).pairwise == pytest.approx(
        error**2 + (1 - error) ** 2, abs=0.01
    )
