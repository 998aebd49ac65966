"""Where a learning curve goes on: a median with an honest band, and sentences where it cannot be trusted."""

from collections.abc import Sequence

import numpy as np
from scipy.special import betaincinv

from trainer.curves import guards
from trainer.curves.families import TYPICAL, Floats, RatePrior
from trainer.curves.fit import Fit, Points, fit, summarize
from trainer.curves.law import law
from trainer.curves.outlook import DIGITS, FAR, REACH, SHARES, Forecast, Outlook, Quantiles, Step
from trainer.curves.thinning import thinned

STEPS_PER_DOUBLING = 4  # of the grid of n on which a forecast is kept; pages interpolate
QUANTILES = (0.05, 0.5, 0.95)  # median and 90 % band


def forecast(
    n: Sequence[int],
    runs: Sequence[Sequence[float]],
    *,
    chance_error: float,
    n_test: int,
    rate_prior: RatePrior | None = None,
    widen: float | None = None,
) -> Forecast:
    """Return the forecast of a curve; runs[k] holds the errors, on n_test shared items, with n[k] labels.

    chance_error is the error of guessing: one less the score that guessing.scores says.
    rate_prior replaces what is believed of the rate of learning, as classes of one dataset share it.
    widen stretches the distribution about its median, as recalibration.of found it necessary.
    The band says where the score on this test set will lie, not on other pictures; where all sizes scored
    the same it is the exact binomial interval of that score, since nothing else is known.
    Raises ValueError where an error is no fraction, sizes do not ascend, or n_test or widen is not positive.
    """
    if n_test < 1:
        raise ValueError(f"a score needs at least one test item, got n_test={n_test}")
    if widen is not None and not 0 < widen < np.inf:
        raise ValueError(f"widen must be a positive number, got {widen}")
    points = summarize(*thinned(n, runs), n_test)
    refused = guards.refusal(points)
    last_value = 1 - float(points.error[-1])
    if refused:
        return Forecast((), last_value, False, refused, ())
    rates = rate_prior or TYPICAL
    fitted = fit(points, chance_error, rates)
    quantiles, gains = _quantiles(fitted, widen or 1.0, n_test)
    return Forecast(
        _steps(quantiles, gains, REACH * points.n[-1]),
        last_value,
        guards.is_plateau(points),
        "",
        guards.warnings(fitted, n_test, runs, widen),
        quantiles,
        law(points, rates),
    )


def of_points(curve: Outlook, chance: float, *, widen: float | None = None) -> Forecast:
    """Return the forecast of a curve's points; chance is the score of guessing."""
    errors = curve.errors
    return forecast(
        list(errors), list(errors.values()), chance_error=1 - chance, n_test=curve.n_test, widen=widen
    )


def _quantiles(fitted: Fit, widen: float, n_test: int) -> tuple[Quantiles, Floats]:
    """Return the scores' quantiles at every n, and gain over the largest size (3, T): median, low, high."""
    grid = sizes_to_say(fitted.points, FAR)
    errors = _stretched(fitted.at(grid).table(SHARES), widen)
    gains = _stretched(fitted.saved(grid).table(QUANTILES), widen)
    errors = _unsure(errors, fitted.points, n_test)
    if guards.is_constant(fitted.points):
        gains = np.minimum(gains, fitted.points.error[-1])  # no more than everything can be saved
    scores = np.round(1 - np.clip(errors, 0, 1), DIGITS)[::-1].T
    rows = tuple(tuple(row) for row in scores.tolist())
    return Quantiles(tuple(int(size) for size in grid), rows), np.clip(gains, -1, 1)[[1, 0, 2]]


def _unsure(errors: Floats, points: Points, n_test: int) -> Floats:
    """Return quantiles (99, T) stretched to the exact interval of the last error, where noise is not seen.

    Runs without a difference, and runs without an error, would have a band of no width.
    Source: Clopper & Pearson 1934.
    """
    wrong, shares = float(points.error[-1]) * n_test, np.array(SHARES)[:, None]
    right = n_test - wrong
    if guards.is_constant(points):
        low = betaincinv(wrong, right + 1, shares) if wrong > 0 else 0 * shares
        errors = np.where(shares < 0.5, np.minimum(errors, low), errors)
    if guards.is_constant(points) or guards.is_spotless(points):
        high = betaincinv(wrong + 1, right, shares) if right > 0 else 0 * shares + 1
        errors = np.where(shares > 0.5, np.maximum(errors, high), errors)
    return np.asarray(errors)


def _stretched(quantiles: Floats, widen: float) -> Floats:
    """Return quantiles (P, T) of shares around 0.5, stretched about the median."""
    median = quantiles[len(quantiles) // 2]
    return np.asarray(median + widen * (quantiles - median))


def _steps(quantiles: Quantiles, gains: Floats, largest: float) -> tuple[Step, ...]:
    low, median, high = (SHARES.index(share) for share in QUANTILES)
    return tuple(
        Step(n, row[median], row[low], row[high], *gain)
        for n, row, gain in zip(quantiles.n, quantiles.scores, gains.T.tolist(), strict=True)
        if n <= largest
    )


def sizes_to_say(points: Points, reach: int = REACH) -> Floats:
    """Return the grid of n, on steps of 2^(1/4) around the largest size, which is always part of it.

    It ends at reach times the largest size.
    """
    first = int(np.floor(np.log2(points.n[0] / points.n[-1]) * STEPS_PER_DOUBLING))
    last = int(np.log2(reach)) * STEPS_PER_DOUBLING
    exact = points.n[-1] * 2.0 ** (np.arange(first, last + 1) / STEPS_PER_DOUBLING)
    grid = np.unique(np.rint(exact))
    return np.asarray(grid[grid >= points.n[0]])
