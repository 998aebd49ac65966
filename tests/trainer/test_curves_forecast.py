import itertools
import math

import numpy as np
import pytest

from trainer.curves import forecast as forecasts
from trainer.curves.forecast import forecast
from trainer.curves.outlook import Quantiles

SIZES = [50, 100, 200, 400, 800]


def law(n):
    return 0.05 + 1.6 * n**-0.5


def of(errors, sizes=SIZES, n_test=1000):
    return forecast(sizes, [[error, error] for error in errors], chance_error=0.9, n_test=n_test)


def plain(sizes=SIZES, **options):
    return of([law(n) for n in sizes], sizes, **options)


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ([100, 800], "A forecast needs at least 3 sizes; this curve has 2."),
        (
            [300, 500, 800],
            "A forecast needs sizes that span a factor of 4; this curve goes from 300 to 800 labels.",
        ),
    ],
)
def test_too_little_carries_no_forecast(sizes, sentence):
    found = plain(sizes)
    assert (found.refused, found.steps) == (sentence, ())
    assert found.last_value == pytest.approx(1 - law(800))


def test_nothing_is_said_beyond_eight_times_the_labels():
    assert plain().steps[-1].n == 6400


def test_a_good_curve_carries_no_warning():
    assert plain().flags == ()
    assert not plain().plateau


@pytest.mark.parametrize(
    ("errors", "n_test", "sentence"),
    [
        (
            [0.3, 0.2, 0.3, 0.12, 0.1],
            1000,
            "Accuracy falls from 100 to 200 labels by more than noise explains.",
        ),
        (
            [0.5, 0.2, 0.3, 0.05, 0.2],
            1000,
            "The points do not follow a law of learning; the band is wide for that reason.",
        ),
        (
            [0.3, 0.2, 0.15, 0.1, 0.1],
            1000,
            "The last two sizes cannot be told apart: accuracy may have leveled off at its last value.",
        ),
        ([0.3, 0.25, 0.2, 0.15, 0.1], 30, "The test set has 30 items: each is worth 3.3 points."),
    ],
)
def test_warnings(errors, n_test, sentence):
    assert sentence in of(errors, n_test=n_test).flags


def test_single_trainings_are_said_to_be_single():
    found = forecast(SIZES, [[law(n)] for n in SIZES], chance_error=0.9, n_test=1000)
    assert found.flags[-1].startswith("Every size was trained once")


def test_steps_stand_a_quarter_of_a_doubling_apart_around_the_largest_size():
    n = [step.n for step in plain().steps]
    assert n[0] == 50
    assert {50, 100, 200, 400, 800, 1600, 3200, 6400} <= set(n)
    assert all(math.log2(b / a) == pytest.approx(0.25, abs=0.02) for a, b in itertools.pairwise(n))


def test_median_lies_in_the_band_and_gain_is_zero_at_the_largest_size():
    for step in plain().steps:
        assert 0 <= step.low <= step.median <= step.high <= 1
        assert step.gain_low <= step.gain <= step.gain_high
    assert next(step.gain for step in plain().steps if step.n == 800) == pytest.approx(0, abs=1e-9)


def test_a_planted_power_law_goes_on():
    ahead = [step for step in plain().steps if step.n >= 800]
    np.testing.assert_allclose(
        [step.median for step in ahead], [1 - law(step.n) for step in ahead], atol=0.004
    )
    np.testing.assert_allclose(
        [step.gain for step in ahead], [law(800) - law(step.n) for step in ahead], atol=0.004
    )
    assert all(step.gain_low < law(800) - law(step.n) < step.gain_high for step in ahead)


@pytest.mark.parametrize("error", [0.0, 0.4, 1.0])
def test_equal_points_gain_nothing_and_are_called_a_plateau(error):
    found = of([error] * 5)
    assert found.plateau
    assert found.steps[-1].gain_low <= 0
    assert found.steps[-1].gain == pytest.approx(0, abs=0.005)


def test_a_curve_that_worsens_promises_nothing():
    found = of([0.1, 0.15, 0.2, 0.25, 0.3])
    assert found.steps[-1].gain_low <= 0
    assert len(found.flags) >= 5


def test_a_test_set_of_thirty_is_never_sure():
    small, large = plain(n_test=30), plain(n_test=3000)
    assert small.steps[-1].high - small.steps[-1].low > large.steps[-1].high - large.steps[-1].low


def test_same_runs_same_forecast():
    assert plain().steps == plain().steps


def test_constants_that_pages_rely_on():
    assert (forecasts.QUANTILES, forecasts.FEWEST_SIZES) == ((0.05, 0.5, 0.95), 3)


def test_quantiles_go_to_sixteen_times_the_labels_and_ascend():
    found = plain().quantiles
    assert (found.n[0], found.n[-1], {len(row) for row in found.scores}) == (50, 12800, {99})
    assert (np.diff(found.scores, axis=1) >= 0).all()


def test_steps_are_read_from_the_quantiles():
    found = plain()
    step = next(step for step in found.steps if step.n == 1600)
    assert [found.quantiles.at(1600, share) for share in forecasts.QUANTILES] == pytest.approx(
        [step.low, step.median, step.high]
    )


def test_what_is_kept_is_what_was_said():
    found = plain().quantiles
    assert Quantiles.from_json(found.to_json()) == found


def test_a_refused_forecast_keeps_nothing():
    found = plain([100, 800])
    assert (found.quantiles, found.law) == (None, None)


def test_the_law_of_a_planted_law():
    assert plain().law.error(3200) == pytest.approx(law(3200), abs=0.01)
