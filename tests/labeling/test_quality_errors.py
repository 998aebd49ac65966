"""The rate of wrong labels: exact where it can be, its intervals hold what they promise in planted worlds."""

import math

import numpy as np
import pytest
from scipy import stats

from labeling.quality import errors
from labeling.quality.errors import Stratum

NONE = Stratum("reviewed", 0, 0, 0)


def one(labels, audited, wrong, name="imported"):
    return Stratum(name, labels, audited, wrong)


def likely(reviewed, strata, repaired=0):
    found = errors.estimate(reviewed, strata, repaired)
    assert found is not None
    return found


# --- what must not be said


@pytest.mark.parametrize(
    ("reviewed", "others", "said"),
    [
        (NONE, [], "Nothing is labeled yet."),
        (NONE, [one(1000, 49, 0)], "49 labels drawn at random were judged"),
        (NONE, [one(1000, 1, 0)], "1 label drawn at random was judged"),
        (one(500, 500, 400), [one(500, 0, 0)], "0 labels drawn at random were judged"),
        (NONE, [one(900, 60, 2), one(100, 0, 0, "chosen")], "None of the 100 labels that were chosen was"),
    ],
)
def test_too_little_gives_a_sentence_and_no_rate(reviewed, others, said):
    assert errors.hindrance(reviewed, others).startswith(said)
    assert errors.estimate(reviewed, others, 0) is None


@pytest.mark.parametrize("counts", [(10, 11, 0), (10, 5, 6), (10, 5, -1)])
def test_counts_that_cannot_be(counts):
    with pytest.raises(ValueError, match="must hold"):
        errors.estimate(NONE, [one(*counts)], 0)


# --- what is


@pytest.mark.parametrize(
    ("labels", "audited", "wrong"), [(40, 10, 0), (40, 10, 3), (60, 59, 1), (500, 80, 40), (90, 50, 50)]
)
def test_bounds_are_those_that_the_law_does_not_rule_out(labels, audited, wrong):
    possible = range(wrong, labels - audited + wrong + 1)
    laws = {total: stats.hypergeom(labels, total, audited) for total in possible}
    kept = [t for t, law in laws.items() if law.sf(wrong - 1) > 0.025 and law.cdf(wrong) > 0.025]
    assert errors.wrong_labels(one(labels, audited, wrong)) == (min(kept), max(kept))


def test_what_was_audited_wholly_is_known():
    assert errors.wrong_labels(one(70, 70, 3)) == (3, 3)
    found = likely(one(30, 30, 20), [one(70, 70, 3)])
    assert found.given == (0.23, 0.23, 0.23)
    assert found.halving == 0


def test_of_a_large_stock_the_bounds_are_those_of_clopper_and_pearson():
    low, high = errors.wrong_labels(one(200_000, 100, 5))
    expected = stats.binomtest(5, 100).proportion_ci(method="exact")
    assert (low / 200_000, high / 200_000) == pytest.approx((expected.low, expected.high), abs=2e-4)


def test_a_small_stratum_joins_the_largest():
    found = likely(NONE, [one(960, 96, 4), one(40, 0, 0, "chosen")])
    assert found.given == likely(NONE, [one(1000, 96, 4)]).given


def test_repairs_are_taken_off_and_never_more_than_there_are():
    found = likely(NONE, [one(1000, 100, 10)], repaired=10)
    assert found.standing.value == pytest.approx(found.given.value - 0.01)
    assert likely(NONE, [one(1000, 100, 10)], repaired=900).standing == (0, 0, 0)


def test_as_many_more_as_it_says_halve_the_interval():
    found = likely(NONE, [one(20_000, 400, 40)])
    more = likely(NONE, [one(20_000, 400 + found.halving, 40 * (400 + found.halving) // 400)])
    widths = [rate.high - rate.low for rate in (found.given, more.given)]
    assert widths[1] / widths[0] == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("sizes", "rates", "audited", "reviewed"),
    [
        ((500,), (0.01,), (60,), (0, 0)),
        ((5000,), (0.02,), (100,), (300, 180)),
        ((5000,), (0.3,), (100,), (0, 0)),
        ((200,), (0.05,), (150,), (20, 6)),
        ((3000, 2000), (0.02, 0.15), (100, 60), (300, 180)),
        ((1000, 1000), (0.05, 0.05), (40, 40), (100, 70)),
        ((9000, 1000), (0.01, 0.3), (150, 50), (0, 0)),
    ],
)
def test_intervals_hold_the_planted_rate(sizes, rates, audited, reviewed):
    rng = np.random.default_rng(5)
    wrong = [round(n * rate) for n, rate in zip(sizes, rates, strict=True)]
    truth = (sum(wrong) + reviewed[1]) / (sum(sizes) + reviewed[0])
    known = Stratum("reviewed", reviewed[0], reviewed[0], reviewed[1])
    draws = [
        rng.hypergeometric(bad, n - bad, seen, 500)
        for n, bad, seen in zip(sizes, wrong, audited, strict=True)
    ]
    found = [
        likely(
            known, [one(n, seen, int(k), str(n)) for n, seen, k in zip(sizes, audited, drawn, strict=True)]
        )
        for drawn in zip(*draws, strict=True)
    ]
    held = np.mean([rate.given.low - 1e-12 <= truth <= rate.given.high + 1e-12 for rate in found])
    values = np.array([rate.given.value for rate in found])
    assert held >= 0.93
    assert abs(values.mean() - truth) < 4 * values.std() / math.sqrt(len(values)) + 1e-12
