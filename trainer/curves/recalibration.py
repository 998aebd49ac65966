"""What past forecasts teach about the width of the next band."""

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

FEWEST = 30  # scored forecasts below which nothing is changed
SHARE = 0.9  # of truths that the band is to hold
BAND_SDS = 1.645  # half the 90 % band of a Normal, in sds
SMALLEST_SD = 1e-5  # the rounding of a stored score: no band is surer


class Past(NamedTuple):
    """A forecast whose labels have come: what the score became, the median and 90 % band that were said.

    widened is the factor that the band held already, so that factors do not multiply round after round.
    """

    truth: float
    median: float
    low: float
    high: float
    widened: float = 1.0

    def surprise(self) -> float:
        """Return |truth - median| in sds of the band as the fit alone made it."""
        sd = (self.high - self.low) / (2 * BAND_SDS * self.widened)
        return abs(self.truth - self.median) / max(sd, SMALLEST_SD)


class Recalibration(NamedTuple):
    widen: float | None  # for forecast.forecast; None changes nothing
    scored: int
    says: str  # for a person


def of(past: Sequence[Past]) -> Recalibration:
    """Return by what factor bands are to be stretched about their medians, once enough forecasts are scored.

    The factor is the 90 % quantile of surprises over 1.645, with the finite-sample quantile of split
    conformal prediction: the ceil(0.9 (m + 1))-th smallest of m.  It may narrow bands as well.
    Source: Lei et al. 2018, "Distribution-free predictive inference for regression", section 2.2.
    """
    count = len(past)
    if count < FEWEST:
        told = f"{count} of {FEWEST} scored forecasts are known: bands stand as the fit alone makes them."
        return Recalibration(None, count, told)
    rank = min(ceil(SHARE * (count + 1)), count)
    factor = sorted(forecast.surprise() for forecast in past)[rank - 1] / BAND_SDS
    factor = max(factor, SMALLEST_SD)  # medians that all came true exactly still make no sure forecast
    return Recalibration(factor, count, f"{count} scored forecasts make bands {factor:.2f} times as wide.")
