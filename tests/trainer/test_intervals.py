import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trainer.engine import intervals

RNG = np.random.default_rng


@pytest.mark.parametrize(("hits", "n"), [(1, 0), (3, 2), (-1, 2)])
def test_impossible_counts_are_refused(hits, n):
    with pytest.raises(ValueError, match="hits must lie in"):
        intervals.wilson(hits, n)


@pytest.mark.parametrize(("share", "df", "message"), [(0.4, 3, "share"), (1.0, 3, "share"), (0.9, 0, "df")])
def test_what_has_no_quantile_is_refused(share, df, message):
    with pytest.raises(ValueError, match=f"{message} must"):
        intervals.student_quantile(share, df)


# --- reference


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"), [(90, 100, 0.8256, 0.9448), (0, 20, 0, 0.1611), (930, 1000, 0.9125, 0.9442)]
)
def test_wilson_against_published_values(hits, n, low, high):
    assert intervals.wilson(hits, n) == pytest.approx((hits / n, low, high), abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_against_scipy(pair):
    reference = stats.binomtest(*pair).proportion_ci(method="wilson")
    assert intervals.wilson(*pair)[1:] == pytest.approx((reference.low, reference.high), abs=1e-12)


@pytest.mark.parametrize("z", [intervals.Z90, intervals.Z95])
def test_wilson_at_another_level_and_with_half_a_hit(z):
    reference = stats.binomtest(9, 12).proportion_ci(2 * stats.norm.cdf(z) - 1, method="wilson")
    assert intervals.wilson(9, 12, z)[1:] == pytest.approx((reference.low, reference.high), abs=1e-12)
    between = intervals.wilson(9.5, 12, z)
    assert intervals.wilson(9, 12, z) < between < intervals.wilson(10, 12, z)


@given(st.integers(1, 60), st.floats(-50, 50))
def test_students_law_against_scipy(df, t):
    assert intervals.student_cdf(t, df) == pytest.approx(stats.t.cdf(t, df), abs=1e-12)


@given(st.integers(1, 60), st.floats(0.5, 0.999))
def test_students_quantile_against_scipy(df, share):
    assert intervals.student_quantile(share, df) == pytest.approx(stats.t.ppf(share, df), rel=1e-8, abs=1e-9)


# --- invariant


def test_every_draw_takes_as_many_items_of_a_stratum_as_it_has(monkeypatch):
    monkeypatch.setattr(intervals, "AT_ONCE", 700)  # several chunks
    strata = np.repeat([0, 1, 2], [5, 1, 30])
    sums = intervals.resampled_sums(np.eye(3)[strata], strata, RNG(0))
    assert np.array_equal(sums, np.tile([5.0, 1.0, 30.0], (intervals.RESAMPLES, 1)))


def test_a_value_is_never_outside_its_interval():
    assert intervals.percentiles(0.9, np.linspace(0, 0.5, 11)) == pytest.approx((0.9, 0.0125, 0.9))


# --- determinism and convergence


def test_the_resampled_mean_spreads_as_theory_says():
    values = RNG(0).normal(size=(500, 1))
    sums = intervals.resampled_sums(values, np.zeros(500, int), RNG(1))
    assert (sums / 500).std() == pytest.approx(values.std() / np.sqrt(500), rel=0.05)
    assert np.array_equal(sums, intervals.resampled_sums(values, np.zeros(500, int), RNG(1)))
