"""Where a learning curve goes on: a median with an honest band, and sentences where it cannot be trusted."""

from collections.abc import Sequence

import numpy as np

from trainer.curves.families import Floats
from trainer.curves.fit import MISFITS, Fit, Points, fit, summarize
from trainer.curves.outlook import REACH, Forecast, Outlook, Step

STEPS_PER_DOUBLING = 4  # of the grid of n on which a forecast is kept; pages interpolate
FEWEST_SIZES = 3
SMALLEST_SPAN = 4  # largest size / smallest size
QUANTILES = (0.05, 0.5, 0.95)  # median and 90 % band
COARSE_STEP = 0.02  # test sets whose single item weighs more than this get a warning


def forecast(
    n: Sequence[int], runs: Sequence[Sequence[float]], *, chance_error: float, n_test: int
) -> Forecast:
    """Return the forecast of a curve; runs[k] holds the errors, on n_test shared items, with n[k] labels.

    chance_error is the error of guessing: 1 - share of the largest class, or 1 - 1/K for balanced metrics.
    The band says where the accuracy on this test set will lie, not on other pictures.
    """
    points = summarize(n, runs, n_test)
    refused = refusal(points)
    last_value = 1 - float(points.error[-1])
    if refused:
        return Forecast((), last_value, False, refused, ())
    fitted = fit(points, chance_error)
    flat = is_plateau(points)
    flags = warnings(fitted, flat, n_test, repeated=any(len(errors) > 1 for errors in runs))
    return Forecast(_steps(fitted), last_value, flat, "", flags)


def of_points(curve: Outlook, chance: float) -> Forecast:
    """Return the forecast of a curve's points; chance is the score of guessing."""
    errors: dict[int, list[float]] = {}
    for point in sorted(curve.points):
        errors.setdefault(point.n, []).append(1 - point.value)
    return forecast(list(errors), list(errors.values()), chance_error=1 - chance, n_test=curve.n_test)


def _steps(fitted: Fit) -> tuple[Step, ...]:
    grid = sizes_to_say(fitted.points)
    error = np.clip(fitted.at(grid).quantiles(QUANTILES), 0, 1)
    gain = np.clip(fitted.saved(grid).quantiles(QUANTILES), -1, 1)
    median, high, low = 1 - error[[1, 0, 2]]
    rows = zip(median.tolist(), low.tolist(), high.tolist(), *gain[[1, 0, 2]].tolist(), strict=True)
    return tuple(Step(int(n), *row) for n, row in zip(grid, rows, strict=True))


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


def sizes_to_say(points: Points) -> Floats:
    """Return the grid of n, on steps of 2^(1/4) around the largest size, which is always part of it."""
    first = int(np.floor(np.log2(points.n[0] / points.n[-1]) * STEPS_PER_DOUBLING))
    last = int(np.log2(REACH)) * STEPS_PER_DOUBLING
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
