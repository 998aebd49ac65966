import numpy as np
import pytest

from trainer.curves import adaptive, fit

SIZES = (62, 125, 250, 500, 1000)
N_TEST = 1000


def drawn(seed, repeats=1):
    """A power law of drawn floor, rate and height with binomial noise."""
    rng = np.random.default_rng(seed)
    floor, rate, rise = rng.uniform(0, 0.15), rng.uniform(0.25, 0.7), rng.uniform(0.03, 0.2)
    errors = np.minimum(floor + rise * (np.array(SIZES) / SIZES[-1]) ** -rate, 0.88)
    return [(rng.binomial(N_TEST, error, repeats) / N_TEST).tolist() for error in errors]


def chosen(runs, cost=lambda n: 1.0, **told):
    return adaptive.next_size(SIZES, runs, chance_error=0.9, n_test=N_TEST, cost=cost, **told)


def width(points, place):
    low, high = fit.fit(points, 0.9).at(np.array([place])).quantiles((0.05, 0.95))[:, 0]
    return high - low


@pytest.mark.parametrize("cost", [lambda n: 0.0, lambda n: n - 62, lambda n: float("nan")])
def test_no_training_is_free(cost):
    with pytest.raises(ValueError, match="must cost something"):
        chosen(drawn(0), cost)


def test_where_nothing_narrows_the_band_nothing_is_chosen():
    """All wrong at all sizes: there is no noise to take off."""
    assert chosen([[1.0]] * 5) is None


def test_a_single_run_at_the_largest_size_is_repeated_first():
    """Equal costs, one run each: the largest size or its half in 59 of 60 drawn curves."""
    picks = [chosen(drawn(seed)).n for seed in range(20)]
    assert np.mean([pick in (500, 1000) for pick in picks]) >= 0.9


def test_what_is_said_is_what_a_fit_says_with_one_run_more():
    runs = drawn(1, repeats=2)
    points = fit.summarize(SIZES, runs, N_TEST)
    found = chosen(runs)
    again = points.variance * np.where(np.array(SIZES) == found.n, 2 / 3, 1)
    assert found.band == pytest.approx(width(points, 2000))
    narrower = width(fit.Points(points.n, points.error, again), 2000)
    assert found.narrows == pytest.approx(found.band - narrower)


def test_a_dear_training_gives_way():
    free, dear = chosen(drawn(3)), chosen(drawn(3), lambda n: 1e6 if n >= 500 else 1.0)
    assert free.n == 1000
    assert dear.n < 500
    assert (free.cost, dear.cost) == (1, 1)


def test_the_unit_of_cost_does_not_matter():
    seconds, hours = chosen(drawn(2), lambda n: n**0.5), chosen(drawn(2), lambda n: n**0.5 / 3600)
    assert (seconds.n, seconds.narrows) == (hours.n, hours.narrows)


def test_the_target_is_twice_the_labels_where_none_is_named():
    assert chosen(drawn(3)) == chosen(drawn(3), target=2000)
    assert chosen(drawn(3)).band < chosen(drawn(3), target=8000).band


def test_the_same_curve_the_same_choice():
    assert chosen(drawn(4)) == chosen(drawn(4))
