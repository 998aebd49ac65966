"""Fits learning curves by a Bayesian average over all families, with bands that keep their word.

For every grid point of every family and every level of misfit, floor and scale follow in closed form by
weighted least squares; the posterior weighs them all.  A prediction is a mixture of Normals.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.curves.families import TYPICAL, Family, Floats, RatePrior, with_prior
from trainer.curves.mixture import Mixture

Rows = NDArray[np.intp]

RUN_VARIANCE = 2e-6  # of one run even with endless data: 0.02 points squared (Hoiem et al. 2021)
NEGLIGIBLE = 1e-7  # posterior weight below which a grid point is dropped
SINGULAR = 1e-12  # relative floor of the 2x2 determinant: shapes that are flat over the points


class Misfit(NamedTuple):
    """How far real curves stray from a law: at the points, and per doubling beyond them."""

    absolute: float  # error, as a fraction
    relative: float  # of the error
    drift: float  # of the last error, per doubling of n beyond the largest size


MISFITS = (Misfit(0.001, 0.01, 0.02), Misfit(0.003, 0.04, 0.05), Misfit(0.006, 0.12, 0.12))


@dataclass(frozen=True)
class Points:
    """What a fit sees of K sizes, ascending: n, mean error and the variance of that mean, each (K,)."""

    n: Floats
    error: Floats
    variance: Floats


def summarize(
    n: Sequence[float] | Floats, runs: Sequence[Sequence[float]], n_test: int | None = None
) -> Points:
    """Return the points of a curve from the errors of every run; runs[k] are those with n[k] labels.

    The variance of one run is v0 + v1 / n, with v1 pooled over all sizes that were repeated.  Where none
    was, the binomial variance of n_test test items stands in.
    Source: Hoiem et al. 2021, "Learning curves for analysis of deep networks", section 3.  Unlike there,
    v0 grows by the rounding of an error that moves in steps of 1 / n_test: two equal runs on thirty test
    items are no proof of a noiseless curve.
    """
    sizes = np.asarray(n, float)
    if not len(sizes):
        raise ValueError("a curve needs at least one size")
    if len(sizes) != len(runs) or not all(len(errors) for errors in runs):
        raise ValueError(f"every size needs the errors of its runs: {len(sizes)} sizes, {len(runs)} lists")
    flat = np.concatenate([np.asarray(errors, float) for errors in runs])
    if not (np.isfinite(flat).all() and (flat >= 0).all() and (flat <= 1).all()):
        raise ValueError("errors must be fractions in [0, 1]; one is not a number or lies outside")
    if not (np.diff(sizes) > 0).all() or sizes[0] <= 0:
        raise ValueError(f"sizes must be positive and ascend, got {sizes.tolist()}")
    means = np.array([np.mean(errors) for errors in runs])
    return Points(sizes, means, _variance_of_means(sizes, runs, means, n_test))


def _variance_of_means(
    sizes: Floats, runs: Sequence[Sequence[float]], means: Floats, n_test: int | None
) -> Floats:
    counts = np.array([len(errors) for errors in runs])
    floor = RUN_VARIANCE + (1 / (12 * n_test**2) if n_test else 0.0)
    if (counts == 1).all():
        return np.asarray(floor + (means * (1 - means) / n_test if n_test else np.zeros_like(means)))
    spread = np.array([np.var(errors, ddof=1) if len(errors) > 1 else 0.0 for errors in runs])
    slope = ((counts - 1) * (spread - floor) / sizes).sum() / ((counts - 1) / sizes**2).sum()
    return np.asarray((floor + max(slope, 0.0) / sizes) / counts)


class Linear(NamedTuple):
    """Floor and scale of G shapes with their (co)variances and the log evidence, each (G,)."""

    floor: Floats
    scale: Floats
    floor_var: Floats
    scale_var: Floats
    covariance: Floats
    log_evidence: Floats

    def take(self, rows: Rows) -> "Linear":
        return Linear(*(column[rows] for column in self))


def solve_free(phi: Floats, error: Floats, weight: Floats) -> Linear:
    """Weighted least squares of floor >= 0 and scale >= 0; phi is (G, K), error and weight are (K,)."""
    w, wp, wpp = weight.sum(), phi @ weight, (phi * phi) @ weight
    wy, wpy = (weight * error).sum(), (phi * error) @ weight
    det = np.maximum(w * wpp - wp**2, SINGULAR * w * wpp)
    floor, scale = (wpp * wy - wp * wpy) / det, (w * wpy - wp * wy) / det
    columns = np.array([floor, scale, wpp / det, w / det, -wp / det])
    zero = np.zeros_like(floor)
    no_floor = np.array([zero, wpy / wpp, zero, 1 / wpp, zero])
    columns = np.where(columns[0] < 0, no_floor, columns)
    no_scale = np.array([zero + wy / w, zero, zero + 1 / w, zero, zero])
    columns = np.where(columns[1] < 0, no_scale, columns)
    chi2 = ((error - columns[0][:, None] - columns[1][:, None] * phi) ** 2) @ weight
    # phi is rescaled to 1 at the smallest size, so that scale means the same in every family
    evidence = -0.5 * chi2 - 0.5 * np.log(det) + np.log(phi[:, 0])
    return Linear._make([*columns, evidence])


def _solve_anchored(phi: Floats, error: Floats, weight: Floats, chance_error: float) -> Linear:
    """Weighted least squares of floor >= 0 alone; scale is chance_error - floor."""
    away, rest = 1 - phi, error - chance_error * phi
    strength = (away * away) @ weight
    free = (away * rest) @ weight / strength
    floor, variance = np.maximum(free, 0), np.where(free < 0, 0, 1 / strength)
    chi2 = ((rest - floor[:, None] * away) ** 2) @ weight
    evidence = -0.5 * chi2 - 0.5 * np.log(strength)
    return Linear(floor, chance_error - floor, variance, variance, -variance, evidence)


@dataclass(frozen=True)
class Part:
    """The shapes of one family at one level of misfit that the points do not rule out."""

    family: Family
    misfit: Misfit
    rows: Rows  # (M,) grid points kept
    linear: Linear  # columns (M,)
    weight: Floats  # (M,) posterior


@dataclass(frozen=True)
class Fit:
    """All that the points say about a curve; make one with `fit`."""

    points: Points
    parts: tuple[Part, ...]

    def at(self, n: Floats) -> Mixture:
        """Return the error with n (T,) labels."""
        return self._mixture(n, from_last=False)

    def saved(self, n: Floats) -> Mixture:
        """Return how much lower the error is with n (T,) labels than with the largest size; up is good.

        Narrower than a difference of two bands: floor and scale are the same at both ends.
        """
        return self._mixture(n, from_last=True)

    def misfit_weight(self, misfit: Misfit) -> float:
        """Return the posterior probability of one level of misfit."""
        return float(sum(part.weight.sum() for part in self.parts if part.misfit is misfit))

    def _mixture(self, n: Floats, *, from_last: bool) -> Mixture:
        x = np.asarray(n, float) / self.points.n[-1]
        last_error = float(np.clip(self.points.error[-1], 1e-3, 1))
        blocks = [_predict(part, x, last_error, from_last=from_last) for part in self.parts]
        means, sds = (np.concatenate(arrays) for arrays in zip(*blocks, strict=True))
        return Mixture(np.concatenate([part.weight for part in self.parts]), means, sds)


def _predict(part: Part, x: Floats, last_error: float, *, from_last: bool) -> tuple[Floats, Floats]:
    """Return means and standard deviations (M, T) of a part's members at x (T,)."""
    floor, scale, floor_var, scale_var, covariance = (column[:, None] for column in part.linear[:5])
    phi = part.family.shape(x)[part.rows]
    if from_last:  # the floor drops out of the difference
        phi = part.family.shape(np.ones(1))[part.rows] - phi
        floor = floor_var = covariance = np.zeros_like(floor)
    drift = part.misfit.drift * np.maximum(np.log2(x), 0) * last_error
    variance = floor_var + scale_var * phi**2 + 2 * covariance * phi
    return floor + scale * phi, np.sqrt(np.maximum(variance, 0) + drift**2 + part.misfit.absolute**2)


def fit(points: Points, chance_error: float, rates: RatePrior = TYPICAL) -> Fit:
    """Return the posterior over all families; chance_error in (0, 1] is the error of guessing.

    Deterministic, a few milliseconds.  Points that lie thick on one another (checkpoints of one training)
    are not independent: average them in half-octave bins first.
    Source: "adaptive Bayesian model average", checked on LCDB 1.1; tests/trainer/test_curves_benchmark.py.
    """
    if len(points.n) < 2:
        raise ValueError(f"a fit needs at least two sizes, got {len(points.n)}")
    if not 0 < chance_error <= 1:
        raise ValueError(f"chance_error must lie in (0, 1], got {chance_error}")
    chance = max(chance_error, float(points.error.max()))
    x = points.n / points.n[-1]
    found = [
        (family, misfit, *posterior(family, family.shape(x), points, misfit, chance))
        for family in with_prior(rates)
        for misfit in MISFITS
    ]
    top = max(log_weight.max() for *_, log_weight in found)
    total = sum(np.exp(log_weight - top).sum() for *_, log_weight in found)
    weighed = [(family, misfit, linear, np.exp(log - top) / total) for family, misfit, linear, log in found]
    parts = [_part(*row) for row in weighed]
    kept = sum(part.weight.sum() for part in parts)
    return Fit(points, tuple(replace(part, weight=part.weight / kept) for part in parts if len(part.rows)))


def posterior(
    family: Family, phi: Floats, points: Points, misfit: Misfit, chance_error: float
) -> tuple[Linear, Floats]:
    """Return the solution and the log posterior weight (G,), up to a constant shared by all."""
    variance = points.variance + misfit.absolute**2 + (misfit.relative * points.error) ** 2
    weight = 1 / variance
    if family.anchored:
        linear = _solve_anchored(phi, points.error, weight, chance_error)
    else:
        linear = solve_free(phi, points.error, weight)
    return linear, linear.log_evidence - 0.5 * np.log(variance).sum() + family.log_prior


def _part(family: Family, misfit: Misfit, linear: Linear, weight: Floats) -> Part:
    rows = np.flatnonzero(weight > NEGLIGIBLE)
    return Part(family, misfit, rows, linear.take(rows), weight[rows])
