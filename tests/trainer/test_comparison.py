import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from tests import toys
from trainer.engine import comparison

RNG = np.random.default_rng
PUBLISHED = [(0.01, 0.06, 4707), (0.02, 0.08, 1568), (0.005, 0.04, 12_556)]


@pytest.mark.parametrize(("difference", "discordance"), [(0, 0.1), (0.2, 0.1), (0.1, 1.1)])
def test_a_difference_lies_within_the_discordance(difference, discordance):
    with pytest.raises(ValueError, match="0 < difference <= discordance"):
        comparison.items_needed(difference, discordance)


@pytest.mark.parametrize(("n", "discordance"), [(1000, 0.0), (100, 0.05), (10, 0.1)])
def test_some_test_sets_can_show_nothing(n, discordance):
    assert comparison.smallest_difference(n, discordance) is None


def test_another_test_set_is_refused():
    base, labels = toys.scored()
    with pytest.raises(ValueError, match="probs must be"):
        comparison.compare(base, base[:-1], labels, RNG(0))


# --- reference


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_against_scipy(fixed, broken):
    reference = stats.binomtest(fixed, fixed + broken).pvalue if fixed + broken else 1.0
    assert comparison.mcnemar(fixed, broken) == pytest.approx(reference, rel=1e-9)


def test_mcnemar_of_a_textbook_pair_and_of_a_large_one():
    assert comparison.mcnemar(15, 5) == pytest.approx(0.0414, abs=5e-5)
    assert comparison.mcnemar(3000, 3000) == 1.0
    assert comparison.mcnemar(40_000, 41_000) == pytest.approx(
        stats.binomtest(40_000, 81_000).pvalue, rel=1e-6
    )


def test_the_fast_bootstrap_is_the_plain_one():
    """Drawing kinds of items by a multinomial is drawing items: equal quantiles up to resampling noise."""
    base, labels = toys.scored(n=120, skill=1.0, seed=1)
    other, _ = toys.scored(n=120, skill=1.5, seed=1)
    found = comparison.compare(base, other, labels, RNG(0))
    rng = RNG(1)
    rows = [np.flatnonzero(labels == c) for c in range(5)]
    draws = [np.concatenate([rng.choice(r, len(r)) for r in rows]) for _ in range(150)]
    for i, score in enumerate(
        [sk.accuracy_score, sk.balanced_accuracy_score, lambda y, c: sk.f1_score(y, c, average="macro")]
    ):
        gains = [score(labels[d], other.argmax(1)[d]) - score(labels[d], base.argmax(1)[d]) for d in draws]
        assert found[i][3:5] == pytest.approx(np.quantile(gains, [0.025, 0.975]), abs=0.03)


def test_a_model_against_itself_gains_nothing():
    probs, labels = toys.scored()
    for difference in comparison.compare(probs, probs, labels, RNG(0)):
        assert difference[2:5] == (0, 0, 0)
        assert (difference.fixed, difference.broken) == (0, 0)


def test_swapping_the_models_turns_the_difference_round():
    base, labels = toys.scored(skill=1.0)
    other, _ = toys.scored(skill=2.0)
    there, back = (comparison.compare(*pair, labels, RNG(0)) for pair in [(base, other), (other, base)])
    for one, two in zip(there, back, strict=True):
        assert one.gain == pytest.approx(-two.gain)
        assert (one.low, one.high) == pytest.approx((-two.high, -two.low), abs=0.01)
        assert (one.fixed, one.broken, one.p_value) == (two.broken, two.fixed, two.p_value)
    assert [d.p_value is None for d in there] == [False, True, True]


def test_fixed_and_broken_items_make_up_the_gain():
    base, labels = toys.scored(skill=1.0)
    other, _ = toys.scored(skill=1.5)
    first = comparison.compare(base, other, labels, RNG(0))[0]
    assert first.gain == pytest.approx((first.fixed - first.broken) / first.n)


def test_paired_interval_covers_the_true_gain():
    def gain(n, seed):
        rng = RNG(seed)
        labels = rng.integers(0, 4, n)
        shared = rng.normal(size=(n, 4)) + np.eye(4)[labels]
        pair = [shared + 0.5 * rng.normal(size=(n, 4)) + extra * np.eye(4)[labels] for extra in (0.0, 0.3)]
        pair = [np.exp(p) / np.exp(p).sum(1, keepdims=True) for p in pair]
        return comparison.compare(*pair, labels, RNG(seed))[0]

    truth = gain(100_000, 0).gain
    hits = [found.low <= truth <= found.high for found in (gain(200, seed) for seed in range(1, 121))]
    assert 0.91 <= np.mean(hits) <= 0.99
    assert truth > 0.02


@pytest.mark.parametrize(("difference", "discordance", "n"), PUBLISHED)
def test_how_many_items_show_a_difference(difference, discordance, n):
    assert comparison.items_needed(difference, discordance) == pytest.approx(n, abs=1)
    assert comparison.smallest_difference(n, discordance) == pytest.approx(difference, rel=1e-3)


def test_holm_by_hand():
    assert comparison.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert comparison.holm([0.5, 0.9]) == (1.0, 1.0)
    assert comparison.holm([0.04]) == (0.04,)
    assert comparison.holm([]) == ()


def test_lower_losses_are_gains():
    base, labels = toys.scored(skill=1.0)
    other, _ = toys.scored(skill=3.0)
    found = comparison.compare_losses(base, other, labels, RNG(0))
    assert found["nll"].value == pytest.approx(sk.log_loss(labels, base) - sk.log_loss(labels, other))
    assert found["nll"].low > 0
    assert found["brier"].low > 0
    back = comparison.compare_losses(other, base, labels, RNG(0))["nll"]
    assert back == pytest.approx((-found["nll"].value, -found["nll"].high, -found["nll"].low))


def test_items_fixed_and_broken_by_hand():
    base, other = np.eye(2)[[0, 0, 1, 1]], np.eye(2)[[0, 1, 0, 1]]
    fixed, broken = comparison.changed(base, other, np.array([0, 1, 1, 0]))
    assert (fixed.tolist(), broken.tolist()) == ([1], [2])


def test_in_four_of_five_trials_the_smallest_difference_is_shown():
    """McNemar at the 5 % level, on draws with the discordance and difference that were promised."""
    n, discordance = 1000, 0.1
    d = comparison.smallest_difference(n, discordance)
    shares = [(discordance + d) / 2, (discordance - d) / 2, 1 - discordance]
    drawn = RNG(0).multinomial(n, shares, 1000)[:, :2].tolist()
    assert np.mean([comparison.mcnemar(*pair) < 0.05 for pair in drawn]) == pytest.approx(0.8, abs=0.06)
