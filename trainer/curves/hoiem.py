"""The estimator of Hoiem et al. 2021: error(n) = floor + scale * n^exponent, with no band.

It stands here to be compared with.  Forecasts are made by trainer.curves.forecast.
Source: Hoiem, Gupta, Li, Shlapentokh-Rothman, "Learning curves for analysis of deep networks", ICML 2021,
sections 3 and 4; errors are in per cent there, and so are they here.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from trainer.curves.families import Floats

ENDLESS_VARIANCE = 0.02  # points squared: of one run, even with endless data
UNREPEATED_SLOPE = 20.0  # points squared times n: where no size was repeated
PENALTY = 5.0  # per unit of exponent away from USUAL, beside the weighted sum of squares
USUAL = -0.5
EXPONENTS = -np.arange(1, 101) / 100


class Extended(NamedTuple):
    """error(n) in per cent = floor + scale * n^exponent; noise is v1 of var(n) = 0.02 + v1 / n."""

    floor: float  # alpha
    scale: float  # eta
    exponent: float  # gamma
    noise: float  # v1

    def error(self, n: float) -> float:
        """Return the error in per cent with n labels (in the paper: per class); trust it up to 4x."""
        return float(self.floor + self.scale * n**self.exponent)

    def reliance(self, n: float) -> float:
        """Return the data-reliance beta_N: how fast the error falls at n labels, in per cent."""
        return float(-2 * self.scale * self.exponent * n**self.exponent)


def fit(n: Sequence[float], runs: Sequence[Sequence[float]]) -> Extended:
    """Return the penalized weighted least squares fit; runs[k] holds the errors, in per cent, with n[k].

    Every measurement weighs 1 / (var(n) * runs with n), so that a size weighs 1 / var(n) in all.
    """
    if len(n) != len(runs) or len(n) < 2 or not all(len(errors) for errors in runs):
        raise ValueError(f"a fit needs two sizes with the errors of their runs, got {len(n)} and {len(runs)}")
    sizes = np.asarray(n, float)
    means = np.array([np.mean(errors) for errors in runs])
    slope = noise_slope(sizes, runs)
    weight = 1 / (ENDLESS_VARIANCE + slope / sizes)
    # within a size the squares around the mean are the same for every curve, so the means carry the fit
    found = [_line(sizes**exponent, means, weight) for exponent in EXPONENTS]
    costs = [
        loss + PENALTY * abs(exponent - USUAL) for (*_, loss), exponent in zip(found, EXPONENTS, strict=True)
    ]
    best = int(np.argmin(costs))
    return Extended(*found[best][:2], float(EXPONENTS[best]), slope)


def noise_slope(sizes: Floats, runs: Sequence[Sequence[float]]) -> float:
    """Return v1 of var(n) = v0 + v1 / n by least squares, weighted by repeats - 1; errors in per cent."""
    spare = np.array([len(errors) - 1 for errors in runs])
    if not spare.any():
        return UNREPEATED_SLOPE
    spread = np.array([np.var(errors, ddof=1) if len(errors) > 1 else 0.0 for errors in runs])
    return max(float((spare * (spread - ENDLESS_VARIANCE) / sizes).sum() / (spare / sizes**2).sum()), 0.0)


def _line(x: Floats, y: Floats, weight: Floats) -> tuple[float, float, float]:
    """Return floor, scale and the weighted sum of squares of y = floor + scale * x."""
    center_x, center_y = np.average(x, weights=weight), np.average(y, weights=weight)
    scale = (weight * (x - center_x) * (y - center_y)).sum() / (weight * (x - center_x) ** 2).sum()
    floor = center_y - scale * center_x
    return float(floor), float(scale), float((weight * (y - floor - scale * x) ** 2).sum())
