import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm

from trainer.curves.mixture import Mixture

SHARES = np.arange(1, 100) / 100


def planted(members, targets=3, seed=0):
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.full(members, 0.2))
    means = rng.normal(0.2, 0.05, (members, targets))
    return Mixture(weights, means, rng.uniform(0.002, 0.1, (members, targets)))


def test_quantiles_of_one_normal_are_those_of_scipy():
    mixture = Mixture(np.ones(1), np.array([[0.3, 0.1]]), np.array([[0.02, 0.5]]))
    expected = norm.ppf([[0.05], [0.5], [0.95]], [0.3, 0.1], [0.02, 0.5])
    assert_allclose(mixture.quantiles([0.05, 0.5, 0.95]), expected, atol=1e-8)


def test_a_table_of_one_normal_is_that_of_scipy():
    mixture = Mixture(np.ones(1), np.array([[0.3, 0.1]]), np.array([[0.02, 0.5]]))
    expected = norm.ppf(SHARES[:, None], [0.3, 0.1], [0.02, 0.5])
    assert (np.abs(mixture.table(SHARES) - expected) / [0.02, 0.5]).max() < 1e-3


@pytest.mark.parametrize("seed", range(5))
def test_a_table_says_what_bisection_says(seed):
    mixture = planted(400, seed=seed)
    exact = mixture.quantiles(SHARES)
    assert (np.abs(mixture.table(SHARES) - exact) / (exact[94] - exact[4])).max() < 4e-3


@pytest.mark.parametrize("seed", range(5))
def test_median_and_band_of_a_table_are_exact(seed):
    mixture, band = planted(400, seed=seed), [0.05, 0.5, 0.95]
    assert_allclose(mixture.table(SHARES)[[4, 49, 94]], mixture.quantiles(band), atol=1e-6)
    assert_allclose(mixture.table(band), mixture.quantiles(band), atol=1e-6)


def test_two_far_members_leave_the_median_between_them():
    mixture = Mixture(np.array([0.5, 0.5]), np.array([[0.1], [0.9]]), np.array([[0.01], [0.01]]))
    low, middle, high = mixture.table([0.05, 0.5, 0.95])[:, 0]
    assert 0.1 <= middle <= 0.9
    assert_allclose([low, high], mixture.quantiles([0.05, 0.95])[:, 0], atol=1e-5)


def test_far_members_do_not_bend_the_core():
    mixture = Mixture(np.array([0.999, 0.001]), np.array([[0.2], [9.0]]), np.array([[0.01], [0.01]]))
    assert_allclose(mixture.table([0.05, 0.5, 0.95]), mixture.quantiles([0.05, 0.5, 0.95]), atol=5e-4)


def test_tables_ascend():
    assert (np.diff(planted(400).table(SHARES), axis=0) >= 0).all()


def test_a_table_is_the_same_every_time():
    assert planted(400).table(SHARES).tobytes() == planted(400).table(SHARES).tobytes()
