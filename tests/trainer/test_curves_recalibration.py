import numpy as np
import pytest
from scipy.stats import norm

from trainer.curves import recalibration
from trainer.curves.recalibration import FEWEST, Past


def past(surprise, **options):
    """A forecast whose truth lay `surprise` sds beside the median, with an sd of 0.02."""
    return Past(0.8 + 0.02 * surprise, 0.8, 0.8 - 1.645 * 0.02, 0.8 + 1.645 * 0.02, **options)


@pytest.mark.parametrize("count", [0, 1, FEWEST - 1])
def test_too_few_change_nothing_and_it_is_said(count):
    found = recalibration.of([past(9.0)] * count)
    assert found.widen is None
    assert found.says == (
        f"{count} of 30 scored forecasts are known: bands stand as the fit alone makes them."
    )


def test_thirty_are_enough():
    found = recalibration.of([past(3.29)] * FEWEST)
    assert found.widen == pytest.approx(2.0)
    assert found.says == "30 scored forecasts make bands 2.00 times as wide."


@pytest.mark.parametrize(("count", "rank"), [(30, 28), (39, 36), (99, 90)])
def test_the_quantile_is_that_of_finite_samples(count, rank):
    surprises = np.arange(1, count + 1) / 10
    found = recalibration.of([past(surprise) for surprise in np.random.default_rng(0).permutation(surprises)])
    assert found.widen == pytest.approx(rank / 10 / 1.645)


def test_misses_to_both_sides_count_alike():
    both = [past(sign * 3.29) for sign in (-1, 1)] * 20
    assert recalibration.of(both).widen == pytest.approx(2.0)


def test_what_was_widened_already_is_not_widened_again():
    assert recalibration.of([past(1.645, widened=2.0)] * 40).widen == pytest.approx(2.0)


def test_bands_that_were_too_wide_are_narrowed():
    assert recalibration.of([past(0.5)] * 40).widen == pytest.approx(0.5 / 1.645)


@pytest.mark.parametrize("truth", [0.8, 0.81])
def test_a_band_without_width_makes_no_nonsense(truth):
    found = recalibration.of([Past(truth, 0.8, 0.8, 0.8)] * 40)
    assert 0 < found.widen < np.inf


def test_an_honest_workspace_stays_as_it_is():
    rng = np.random.default_rng(1)
    assert recalibration.of([past(surprise) for surprise in rng.normal(size=4000)]).widen == pytest.approx(
        1.0, abs=0.05
    )


def test_after_recalibration_nine_in_ten_truths_lie_in_the_band():
    rng = np.random.default_rng(2)
    seen, coming = 1.8 * rng.normal(size=(2, 400))
    widen = recalibration.of([past(surprise) for surprise in seen]).widen
    assert (np.abs(coming) <= 1.645 * widen).mean() == pytest.approx(0.9, abs=0.04)
    assert widen == pytest.approx(1.8 * norm.ppf(0.95) / 1.645, rel=0.15)
