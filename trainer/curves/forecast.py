"""Where a learning curve goes on: a median with an honest band, and sentences where it cannot be trusted."""

from collections.abc import Sequence

import numpy as np

from trainer.curves.families import TYPICAL, Floats, RatePrior
from trainer.curves.fit import MISFITS, Fit, Points, fit, summarize
from trainer.curves.law import law
from trainer.curves.outlook import DIGITS, FAR, REACH, SHARES, Forecast, Outlook, Quantiles, Step

STEPS_PER_DOUBLING = 4  # of the grid of n on which a forecast is kept; pages interpolate
FEWEST_SIZES = 3
SMALLEST_SPAN = 4  # largest size / smallest size
QUANTILES = (0.05, 0.5, 0.95)  # median and 90 % band
COARSE_STEP = 0.02  # test sets whose single item weighs more than this get a warning


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

    chance_error is the error of guessing: 1 - share of the largest class, or 1 - 1/K for balanced metrics.
    rate_prior replaces what is believed of the rate of learning, as classes of one dataset share it.
    widen stretches the distribution about its median, as recalibration.factor found it necessary.
    The band says where the accuracy on this test set will lie, not on other pictures.
    """
    points = summarize(n, runs, n_test)
    refused = refusal(points)
    last_value = 1 - float(points.error[-1])
    if refused:
        return Forecast((), last_value, False, refused, ())
    rates = rate_prior or TYPICAL
    fitted = fit(points, chance_error, rates)
    flat = is_plateau(points)
    flags = warnings(fitted, flat, n_test, repeated=any(len(errors) > 1 for errors in runs))
    quantiles, gains = _quantiles(fitted, widen or 1.0)
    steps = _steps(quantiles, gains, REACH * points.n[-1])
    return Forecast(steps, last_value, flat, "", flags, quantiles, law(points, rates))


def of_points(curve: Outlook, chance: float) -> Forecast:
    """Return the forecast of a curve's points; chance is the score of guessing."""
    errors: dict[int, list[float]] = {}
    for point in sorted(curve.points):
        errors.setdefault(point.n, []).append(1 - point.value)
    return forecast(list(errors), list(errors.values()), chance_error=1 - chance, n_test=curve.n_test)


def _quantiles(fitted: Fit, widen: float) -> tuple[Quantiles, Floats]:
    """Return the scores' quantiles at every n, and gain over the largest size (3, T): median, low, high."""
    grid = sizes_to_say(fitted.points, FAR)
    errors = _stretched(fitted.at(grid).table(SHARES), widen)
    scores = np.round(1 - np.clip(errors, 0, 1), DIGITS)[::-1].T
    low, median, high = np.clip(_stretched(fitted.saved(grid).table(QUANTILES), widen), -1, 1)
    rows = tuple(tuple(row) for row in scores.tolist())
    return Quantiles(tuple(int(size) for size in grid), rows), np.array([median, low, high])


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


def refusal(points: Points) -> str:
    """Return why these points carry no extrapolation, or ""."""
    sizes, span = len(points.n), points.n[-1] / points.n[0]
    if sizes < FEWEST_SIZES:
        return f"A forecast needs at least {FEWEST_SIZES} sizes; this curve has {sizes}."
    if span < SMALLEST_SPAN:
        return (
            f"A forecast needs sizes that span a factor of {SMALLEST_SPAN}; "
            f"this curve goes from {points.n[0]:.0f} to {points.n[-1]:.0f} labels."
        )
    return ""


def sizes_to_say(points: Points, reach: int = REACH) -> Floats:
    """Return the grid of n, on steps of 2^(1/4) around the largest size, which is always part of it.

    It ends at reach times the largest size.
    """
    first = int(np.floor(np.log2(points.n[0] / points.n[-1]) * STEPS_PER_DOUBLING))
    last = int(np.log2(reach)) * STEPS_PER_DOUBLING
    exact = points.n[-1] * 2.0 ** (np.arange(first, last + 1) / STEPS_PER_DOUBLING)
    grid = np.unique(np.rint(exact))
    return np.asarray(grid[grid >= points.n[0]])


def is_plateau(points: Points) -> bool:
    """Tell whether the last two sizes differ by less than two standard errors.

    Power laws run on below a hard floor: exp(-n/200) curves were forecast 2 to 5 points too low.
    """
    fall = points.error[-2] - points.error[-1]
    return bool(fall < 2 * np.sqrt(points.variance[-2] + points.variance[-1]))


def warnings(fitted: Fit, flat: bool, n_test: int, *, repeated: bool) -> tuple[str, ...]:
    """Return, in words, why the forecast deserves less trust than its band says."""
    points = fitted.points
    rise = np.diff(points.error)
    noise = 2 * np.sqrt(points.variance[1:] + points.variance[:-1])
    found = []
    for k in np.flatnonzero(rise > noise):
        span = f"{points.n[k]:.0f} to {points.n[k + 1]:.0f}"
        found.append(f"Accuracy falls from {span} labels by more than noise explains.")
    if fitted.misfit_weight(MISFITS[-1]) > 0.5:
        found.append("The points do not follow a law of learning; the band is wide for that reason.")
    if flat:
        found.append(
            "The last two sizes cannot be told apart: accuracy may have leveled off at its last value."
        )
    if 1 / n_test > COARSE_STEP:
        found.append(f"The test set has {n_test} items: each is worth {100 / n_test:.1f} points.")
    if not repeated:
        found.append("Every size was trained once: the noise between trainings is guessed, not measured.")
    return tuple(found)
