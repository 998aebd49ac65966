import itertools
import math
import re

import numpy as np
import pytest
from scipy.stats import binomtest

from trainer.curves import forecast as forecasts
from trainer.curves import guards
from trainer.curves.families import RatePrior
from trainer.curves.forecast import forecast
from trainer.curves.outlook import Quantiles

SIZES = [50, 100, 200, 400, 800]
COMMON = {"chance_error": 0.9, "n_test": 1000}


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
            "The score falls from 100 to 200 labels by more than noise explains.",
        ),
        (
            [0.5, 0.2, 0.3, 0.05, 0.2],
            1000,
            "The points do not follow a law of learning; the band is wide for that reason.",
        ),
        (
            [0.3, 0.2, 0.15, 0.1, 0.1],
            1000,
            "The last two sizes cannot be told apart: the score may have leveled off at its last value.",
        ),
        (
            [0.3, 0.25, 0.2, 0.15, 0.1],
            30,
            "The test set has 30 items: each is worth 3.3 points, "
            "and how others would score the band does not say.",
        ),
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


def test_a_curve_that_worsens_is_refused_in_words():
    found = of([0.1, 0.15, 0.2, 0.25, 0.3])
    assert (found.steps, found.quantiles, found.law) == ((), None, None)
    assert found.refused == (
        "The score falls from 90.0 % with 50 labels to 70.0 % with 800, by more than noise explains: "
        "no law of learning goes on from there."
    )


def test_a_rise_of_error_that_noise_explains_promises_nothing():
    single = [[error] for error in (0.1, 0.13, 0.17, 0.2, 0.2)]
    found = forecast(SIZES, single, chance_error=0.9, n_test=30)
    assert found.steps[-1].gain_low < 0 < found.steps[-1].gain_high
    assert found.steps[-1].gain == pytest.approx(0, abs=0.01)
    assert len(found.flags) == 3


@pytest.mark.parametrize(("right", "n_test"), [(30, 30), (1000, 1000), (24, 30), (0, 30)])
def test_equal_points_have_the_exact_binomial_band(right, n_test):
    found = of([1 - right / n_test] * 5, n_test=n_test)
    exact = binomtest(right, n_test).proportion_ci(0.9, method="exact")
    assert found.steps[0].low == pytest.approx(exact.low, abs=1e-4)
    assert found.steps[0].high == pytest.approx(exact.high, abs=1e-4)
    assert all(step.low <= exact.low + 1e-5 and step.high >= exact.high - 1e-5 for step in found.steps)
    assert found.flags[0] == (
        f"All sizes scored the same, {100 * right / n_test:.1f} %: nothing tells them apart, "
        f"and the band is what chance allows on {n_test} test items."
    )


def test_without_any_error_nothing_can_be_gained():
    assert max(step.gain_high for step in of([0.0] * 5, n_test=30).steps) == 0


def test_a_largest_size_without_error_is_not_sure_of_the_next():
    found = of([0.1, 0.05, 0.02, 0.01, 0.0], n_test=30)
    assert found.steps[-1].low == pytest.approx(0.05 ** (1 / 30), abs=1e-4)
    assert any(
        flag.startswith("With the largest size no error was made on 30 test items") for flag in found.flags
    )


@pytest.mark.parametrize(
    ("runs", "options", "rule"),
    [
        ([[0.2, float("nan")], [0.1], [0.1]], {}, "errors must be fractions in [0, 1]; one is not a number"),
        ([[0.2, -0.1], [0.1], [0.1]], {}, "errors must be fractions in [0, 1]"),
        ([[0.2], [], [0.1]], {}, "every size needs the errors of its runs"),
        ([[0.2], [0.1], [0.1]], {"n_test": 0}, "a score needs at least one test item, got n_test=0"),
        ([[0.2], [0.1], [0.1]], {"widen": 0.0}, "widen must be a positive number, got 0.0"),
        ([[0.2], [0.1], [0.1]], {"widen": float("nan")}, "widen must be a positive number, got nan"),
    ],
)
def test_what_is_no_curve_is_refused_at_the_door(runs, options, rule):
    with pytest.raises(ValueError, match=re.escape(rule)):
        forecast([50, 100, 400], runs, **{"chance_error": 0.9, "n_test": 100} | options)


def test_nothing_is_no_curve():
    with pytest.raises(ValueError, match="a curve needs at least one size"):
        forecast([], [], chance_error=0.9, n_test=100)


def test_a_widened_band_keeps_its_median_and_says_so():
    narrow, wide = plain(), forecast(SIZES, [[law(n)] * 2 for n in SIZES], **COMMON, widen=2.0)
    for before, after in zip(narrow.steps, wide.steps, strict=True):
        assert after.median == pytest.approx(before.median, abs=2e-5)
        assert after.high - after.median == pytest.approx(2 * (before.high - before.median), abs=5e-5)
        assert after.gain - after.gain_low == pytest.approx(2 * (before.gain - before.gain_low), abs=1e-9)
    assert wide.flags == ("Past forecasts taught this band to be 2.00 times as wide as the fit alone says.",)


def test_a_prior_on_the_rate_moves_the_forecast():
    errors = [[law(n)] * 2 for n in SIZES]
    slow, fast = (forecast(SIZES, errors, **COMMON, rate_prior=RatePrior(b, 0.05)) for b in (0.3, 1.0))
    assert slow.law.rate < 0.5 < fast.law.rate
    assert slow.steps[-1].median > fast.steps[-1].median


def test_thick_sizes_are_averaged_and_it_is_said():
    sizes = list(range(100, 1700, 40))
    found = forecast(sizes, [[law(n)] for n in sizes], **COMMON)
    assert found.flags[-1] == "40 sizes lie thick on one another: they were averaged in 9 groups."
    assert found.steps[-1].median == pytest.approx(1 - law(found.steps[-1].n), abs=0.01)


def test_a_test_set_of_thirty_is_never_sure():
    small, large = plain(n_test=30), plain(n_test=3000)
    assert small.steps[-1].high - small.steps[-1].low > large.steps[-1].high - large.steps[-1].low


def test_same_runs_same_forecast():
    assert plain().steps == plain().steps


def test_constants_that_pages_rely_on():
    assert (forecasts.QUANTILES, guards.FEWEST_SIZES) == ((0.05, 0.5, 0.95), 3)


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


def drawn(seed):
    """A curve of any kind: none, all, equal, random or falling errors, on few test items or many."""
    rng = np.random.default_rng(seed)
    sizes = np.unique(np.rint(np.geomspace(1, 10 ** rng.integers(2, 7), 40)).astype(int))
    n = np.sort(rng.choice(sizes, rng.integers(3, 9), replace=False))
    some, items = rng.random(len(n)), int(rng.choice([1, 5, 30, 1000]))
    laws = [0 * some, 0 * some + 1, 0 * some + 0.2, some, np.sort(some)[::-1], some[0] * n ** -some[1]]
    chosen = laws[seed % len(laws)]
    return (
        n.tolist(),
        [(rng.binomial(items, error, rng.integers(1, 4)) / items).tolist() for error in chosen],
        items,
    )


@pytest.mark.parametrize("seed", range(48))
def test_any_curve_gives_ordered_numbers_or_a_sentence(seed):
    n, runs, items = drawn(seed)
    found = forecast(n, runs, chance_error=0.9, n_test=items, widen=[None, 0.3, 2.0][seed % 3])
    assert bool(found.refused) != bool(found.steps)
    scores, steps = np.array(found.quantiles.scores if found.quantiles else []), np.array(found.steps)
    assert (np.diff(scores) >= 0).all()
    assert ((scores >= 0) & (scores <= 1)).all()
    assert np.isfinite(steps).all()
    ordered = steps.reshape(-1, 7)[:, [2, 1, 3, 5, 4, 6]]  # low, median, high of score and of gain
    assert (np.diff(ordered[:, :3]) >= 0).all()
    assert (np.diff(ordered[:, 3:]) >= -1e-12).all()
