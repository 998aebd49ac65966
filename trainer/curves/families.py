"""Shapes of error-versus-labels curves: error(n) = floor + scale * shape(x), where x = n / largest n.

Each family is a fixed grid of shapes with a prior, so that a fit is one closed-form least squares per grid
point: no starting values, no restarts, the same answer every time.
Sources: pow3, pow4, mmf, wbl as named in LCDB (Mohr et al. 2022).  Unlike there, pow3, pow4 and wbl are
scaled to shape(1) = 1, and mmf is anchored: at x -> 0 its error is that of guessing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


class RatePrior(NamedTuple):
    """What is believed of a rate beforehand: log rate is Normal around log center with sd spread."""

    center: float
    spread: float


# Rates cluster around n^-1/2; 0.7 in log is the spread of rates seen in public curves.
TYPICAL = RatePrior(0.5, 0.7)


@dataclass(frozen=True)
class Family:
    """A grid of G shapes: `shape` maps x (T,) to (G, T); log_prior (G,) holds the family's weight too."""

    name: str
    shape: Callable[[Floats], Floats]
    log_prior: Floats
    anchored: bool = False  # scale is not free: floor + scale is the error of guessing
    rates: Floats = field(default_factory=lambda: np.empty(0))  # (G,) where the family has one, else empty


def _rate_prior(rate: Floats, weight: float, prior: RatePrior) -> Floats:
    """Return log prior probabilities over a grid of rates; they sum to `weight`."""
    log_density = -0.5 * (np.log(rate / prior.center) / prior.spread) ** 2
    return np.asarray(log_density - np.log(np.exp(log_density).sum()) + np.log(weight))


def _pow3(rate: Floats, prior: RatePrior) -> Family:
    """x^-b: the power law of Cortes et al. 1993."""
    return Family("pow3", lambda x: np.power(x, -rate[:, None]), _rate_prior(rate, 0.45, prior), rates=rate)


def _pow4(rates: Floats, delays: Floats, prior: RatePrior) -> Family:
    """((x + d) / (1 + d))^-b: a power law that starts late."""
    rate, delay = (grid.ravel() for grid in np.meshgrid(rates, delays, indexing="ij"))

    def shape(x: Floats) -> Floats:
        return np.asarray(np.power((x + delay[:, None]) / (1 + delay[:, None]), -rate[:, None]))

    return Family("pow4", shape, _rate_prior(rate, 0.45, prior), rates=rate)


def _mmf(middles: Floats, rates: Floats, prior: RatePrior) -> Family:
    """1 / (1 + (x / x0)^d): the sigmoid of Morgan, Mercer and Flodin 1975, from guessing down to a floor."""
    middle, rate = (grid.ravel() for grid in np.meshgrid(middles, rates, indexing="ij"))

    def shape(x: Floats) -> Floats:
        return np.asarray(1 / (1 + np.power(x / middle[:, None], rate[:, None])))

    return Family("mmf", shape, _rate_prior(rate, 0.45, prior), anchored=True, rates=rate)


def _wbl(speeds: Floats, powers: Floats) -> Family:
    """exp(-k (x^d - 1)): the stretched exponential, for curves that reach their floor."""
    speed, power = (grid.ravel() for grid in np.meshgrid(speeds, powers, indexing="ij"))

    def shape(x: Floats) -> Floats:
        return np.asarray(np.exp(-speed[:, None] * (np.power(x, power[:, None]) - 1)))

    return Family("wbl", shape, np.full(speed.size, np.log(0.10 / speed.size)))


_RATES = np.round(np.geomspace(0.05, 2.0, 32), 4)


@lru_cache(maxsize=64)
def with_prior(rates: RatePrior) -> tuple[Family, ...]:
    """Return all families under a prior on their rates; wbl has none."""
    # mmf is fine because a coarse grid (16 x 12) covered only 71 % of exact sigmoids where 90 % was said
    return (
        _pow3(_RATES, rates),
        _pow4(_RATES[::2], np.array([0.02, 0.05, 0.12, 0.3, 0.8]), rates),
        _mmf(np.geomspace(2.0**-14, 4, 40), np.geomspace(0.15, 1.6, 20), rates),
        _wbl(np.geomspace(0.1, 12, 16), np.geomspace(0.3, 1.2, 8)),
    )


FAMILIES = with_prior(TYPICAL)
