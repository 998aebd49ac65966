import numpy as np
import pytest
from numpy.testing import assert_allclose

from trainer.curves import families, fit

SIZES = [64, 128, 256, 512, 1024]
TARGETS = np.array([2048.0, 4096.0, 8192.0])


def runs(law, rng=None, n_test=2000):
    """Two runs a size: exact without rng, else with the binomial noise of n_test items."""
    errors = [law(n) for n in SIZES]
    if rng is None:
        return [[error, error] for error in errors]
    return [(rng.binomial(n_test, error, 2) / n_test).tolist() for error in errors]


def power(n):
    return 0.05 + 0.6 * n**-0.5


def medians(law, chance_error=0.9):
    return fit.fit(fit.summarize(SIZES, runs(law)), chance_error).at(TARGETS).quantiles([0.5])[0]


@pytest.mark.parametrize(
    ("n", "errors", "reason"),
    [
        ([10, 20], [[0.1]], "2 sizes, 1 lists"),
        ([10, 20], [[0.1], []], "2 sizes, 2 lists"),
        ([10, 20], [[0.1], [float("nan")]], "not a number"),
        ([10, 20], [[0.1], [1.1]], "lies outside"),
        ([20, 10], [[0.1], [0.2]], "ascend"),
        ([0, 10], [[0.1], [0.2]], "positive"),
    ],
)
def test_bad_points_are_refused(n, errors, reason):
    with pytest.raises(ValueError, match=reason):
        fit.summarize(n, errors)


def test_one_size_or_impossible_guessing_is_refused():
    with pytest.raises(ValueError, match="two sizes"):
        fit.fit(fit.summarize([10], [[0.1]]), 0.9)
    with pytest.raises(ValueError, match="chance_error"):
        fit.fit(fit.summarize(SIZES, runs(power)), 0.0)


def test_variance_of_means_pools_the_repeated_sizes():
    points = fit.summarize([100, 400], [[0.10, 0.14], [0.05]])
    slope = (0.0008 - 2e-6) * 100  # v1 of var = v0 + v1 / n from the one repeated size
    assert_allclose(points.variance, [(2e-6 + slope / 100) / 2, 2e-6 + slope / 400])


def test_variance_of_single_runs_is_binomial():
    points = fit.summarize([100, 400], [[0.2], [0.1]], n_test=1000)
    floor = 2e-6 + 1 / 12e6
    assert_allclose(points.variance, [0.16 / 1000 + floor, 0.09 / 1000 + floor])


def test_equal_runs_on_a_small_test_set_are_no_proof_of_no_noise():
    assert (fit.summarize([100, 400], [[0.2, 0.2], [0.1, 0.1]], n_test=30).variance > 4e-5).all()


@pytest.mark.parametrize("family", families.FAMILIES, ids=lambda family: family.name)
def test_shapes_fall_and_are_scaled(family):
    shapes = family.shape(np.array([0.05, 0.5, 1.0, 8.0]))
    assert (np.diff(shapes, axis=1) <= 0).all()
    assert family.anchored or np.allclose(shapes[:, 2], 1)
    assert shapes.shape == (len(family.log_prior), 4)


def test_priors_of_the_families():
    weights = {family.name: round(float(np.exp(family.log_prior).sum()), 12) for family in families.FAMILIES}
    assert weights == {"pow3": 0.45, "pow4": 0.45, "mmf": 0.45, "wbl": 0.10}


def test_weights_sum_to_one_and_members_stay_in_bounds():
    found = fit.fit(fit.summarize(SIZES, runs(power)), 0.9)
    assert sum(part.weight.sum() for part in found.parts) == pytest.approx(1)
    assert sum(found.misfit_weight(misfit) for misfit in fit.MISFITS) == pytest.approx(1)
    assert all((part.linear.floor >= 0).all() and (part.linear.scale >= 0).all() for part in found.parts)


def test_quantiles_and_probabilities_agree():
    mixture = fit.fit(fit.summarize(SIZES, runs(power)), 0.9).at(TARGETS)
    for_all = np.array([mixture.below(row) for row in mixture.quantiles([0.05, 0.5, 0.95])])
    assert_allclose(for_all, [[0.05] * 3, [0.5] * 3, [0.95] * 3], atol=1e-6)


@pytest.mark.parametrize(
    ("law", "tolerance"),
    [
        (power, 0.002),
        (lambda n: 0.02 + 1.5 * n**-0.4, 0.010),  # a power law and a sigmoid share these points
        (lambda n: 0.08 + 0.82 / (1 + (n / 90) ** 0.9), 0.010),
        (lambda n: 0.15 + 0 * n, 0.003),
    ],
    ids=["power", "slow power", "sigmoid", "flat"],
)
def test_planted_laws_are_recovered(law, tolerance):
    assert_allclose(medians(law), law(TARGETS), atol=tolerance)


def test_bands_cover_planted_laws():
    rng = np.random.default_rng(5)
    bands = [
        fit.fit(fit.summarize(SIZES, runs(power, rng)), 0.9).at(TARGETS).quantiles([0.05, 0.95])
        for _ in range(60)
    ]
    low, high = np.swapaxes(bands, 0, 1)
    assert ((low <= power(TARGETS)) & (power(TARGETS) <= high)).mean() >= 0.9


def test_what_is_saved_is_the_fall_of_the_planted_law():
    found = fit.fit(fit.summarize(SIZES, runs(power)), 0.9)
    low, middle, high = found.saved(TARGETS).quantiles([0.05, 0.5, 0.95])
    fall = power(1024) - power(TARGETS)
    assert_allclose(middle, fall, atol=0.002)
    assert ((low <= fall) & (fall <= high)).all()


def test_nothing_is_saved_at_the_largest_size():
    low, middle, high = (
        fit.fit(fit.summarize(SIZES, runs(power)), 0.9).saved(np.array([1024.0])).quantiles([0.05, 0.5, 0.95])
    )
    assert_allclose(middle, 0, atol=1e-9)
    assert_allclose(low, -high, atol=1e-8)


def test_more_noise_wider_band():
    def width(spread):
        errors = [[power(n) - spread, power(n) + spread] for n in SIZES]
        low, high = fit.fit(fit.summarize(SIZES, errors), 0.9).at(TARGETS).quantiles([0.05, 0.95])
        return (high - low).sum()

    assert width(0.001) < width(0.01) < width(0.03)


def test_the_unit_of_n_does_not_matter():
    thousandfold = [1000 * n for n in SIZES]
    there = fit.fit(fit.Points(np.array(thousandfold), *_shared()), 0.9).at(1000 * TARGETS)
    here = fit.fit(fit.Points(np.array(SIZES), *_shared()), 0.9).at(TARGETS)
    assert_allclose(there.quantiles([0.05, 0.5]), here.quantiles([0.05, 0.5]), rtol=1e-9)


def _shared():
    return np.array([power(n) for n in SIZES]), np.full(5, 1e-5)


def test_same_points_same_bits():
    first, second = medians(power), medians(power)
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("error", [0.0, 0.5, 1.0])
def test_degenerate_errors_give_numbers(error):
    assert np.isfinite(medians(lambda n: error)).all()
