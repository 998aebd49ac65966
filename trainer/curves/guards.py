"""Where a curve carries no forecast, and where one deserves less trust than its band says: in words."""

from collections.abc import Sequence

import numpy as np

from trainer.curves.fit import MISFITS, Fit, Points

FEWEST_SIZES = 3
SMALLEST_SPAN = 4  # largest size / smallest size
COARSE_STEP = 0.02  # test sets whose single item weighs more than this get a warning
ROUNDING = 1e-9  # errors that differ by less are equal


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
    first, last = points.error[0], points.error[-1]
    if last - first > 2 * np.sqrt(points.variance[0] + points.variance[-1]):
        return (
            f"The score falls from {_percent(1 - first)} with {points.n[0]:.0f} labels to "
            f"{_percent(1 - last)} with {points.n[-1]:.0f}, by more than noise explains: "
            "no law of learning goes on from there."
        )
    return ""


def is_plateau(points: Points) -> bool:
    """Tell whether the last two sizes differ by less than two standard errors.

    Power laws run on below a hard floor: exp(-n/200) curves were forecast 2 to 5 points too low.
    """
    fall = points.error[-2] - points.error[-1]
    return bool(fall < 2 * np.sqrt(points.variance[-2] + points.variance[-1]))


def is_constant(points: Points) -> bool:
    """Tell whether all sizes have the same error: then the fit's band knows no noise to reckon with."""
    return bool(np.ptp(points.error) < ROUNDING)


def is_spotless(points: Points) -> bool:
    """Tell whether the largest size made no error: no more can be seen on these test items."""
    return bool(points.error[-1] < ROUNDING)


def warnings(
    fitted: Fit, n_test: int, runs: Sequence[Sequence[float]], widen: float | None = None
) -> tuple[str, ...]:
    """Return, in words, why the forecast deserves less trust than its band says.

    runs are the errors of every training, as they came; widen is what past forecasts have taught.
    """
    points = fitted.points
    told = {
        "The points do not follow a law of learning; the band is wide for that reason.": (
            fitted.misfit_weight(MISFITS[-1]) > 0.5
        ),
        f"All sizes scored the same, {_percent(1 - points.error[-1])}: nothing tells them apart, "
        f"and the band is what chance allows on {n_test} test items.": is_constant(points),
        f"With the largest size no error was made on {n_test} test items: the band's lower end "
        "is what chance allows on so many.": is_spotless(points) and not is_constant(points),
        "The last two sizes cannot be told apart: the score may have leveled off at its last value.": (
            is_plateau(points)
        ),
        f"The test set has {n_test} items: each is worth {100 / n_test:.1f} points, "
        "and how others would score the band does not say.": 1 / n_test > COARSE_STEP,
        "Every size was trained once: the noise between trainings is guessed, not measured.": (
            all(len(errors) == 1 for errors in runs)
        ),
        f"{len(runs)} sizes lie thick on one another: they were averaged in {len(points.n)} groups.": (
            len(points.n) < len(runs)
        ),
        f"Past forecasts taught this band to be {widen or 1:.2f} times as wide as the fit alone says.": (
            widen is not None
        ),
    }
    return (*_falls(points), *(sentence for sentence, holds in told.items() if holds))


def _falls(points: Points) -> list[str]:
    """Return a sentence for every size at which the score is lower than at the one before."""
    rise = np.diff(points.error)
    noise = 2 * np.sqrt(points.variance[1:] + points.variance[:-1])
    return [
        f"The score falls from {points.n[k]:.0f} to {points.n[k + 1]:.0f} labels by more than noise explains."
        for k in np.flatnonzero(rise > noise)
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
