"""What a trick is worth, in labels: with it n labels err as m * n do without.

m is found under the assumption of a pure multiplier, e1(n) = e0(m * n), and the assumption is tested against
two curves that have nothing to do with one another.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

import numpy as np

from trainer.curves import fit, guards
from trainer.curves.families import FAMILIES, Family, Floats
from trainer.curves.fit import MISFITS, Fit, Points

LEAST, MOST = 0.25, 16.0  # multipliers tried
GRID = np.arange(-2 * 16, 4 * 16 + 1) / 16  # their log2
FEWEST_SIZES = 2  # of the trick's curve
BAND = (0.05, 0.5, 0.95)
LATER = 4  # times the largest size: where a multiplier that is not pure is told again
SHARES = tuple((k + 0.5) / 20 for k in range(20))  # of the trick's forecast, in the multiplier at one size


class Band(NamedTuple):
    """A multiplier with its 90 % band; ends of a quarter and of sixteen stand for all beyond."""

    value: float
    low: float
    high: float

    @property
    def shown(self) -> bool:
        """Whether it differs from 1: the band lies on one side."""
        return not self.low <= 1 <= self.high

    @property
    def told(self) -> str:
        """The multiplier at one size, as far as it can be shown."""
        return f"worth {self.words}" if self.shown else f"no difference can be shown ({self.words})"

    @property
    def words(self) -> str:
        return f"{_said(self.value)}x the labels (90 %: {_said(self.low)} to {_said(self.high)})"


def _said(m: float) -> str:
    if m <= LEAST:
        return f"under {LEAST:g}"
    if m >= MOST:
        return f"over {MOST:g}"
    return f"{m:.2f}" if m < 0.995 else f"{m:.1f}" if m < 9.95 else f"{m:.0f}"


@dataclass(frozen=True)
class Measured:
    """A curve as it was measured: runs[k] holds the errors with n[k] labels, all on one test set."""

    n: Sequence[float]
    runs: Sequence[Sequence[float]]
    n_test: int | None = None
    test_set: str = ""  # its key: only errors on the same items are compared

    @cached_property
    def points(self) -> Points:
        return fit.summarize(self.n, self.runs, self.n_test)


class Verdict(StrEnum):
    PURE = "pure"  # one multiplier at all sizes
    FADES = "fades"  # worth less with more labels
    GROWS = "grows"
    BEYOND = "beyond"  # outside of what is tried, at all sizes
    NOT_SHOWN = "not shown"  # the band covers 1
    REFUSED = "refused"


@dataclass(frozen=True)
class Multiplier:
    """What a trick is worth; where there are no figures, `sentence` says why."""

    verdict: Verdict
    sentence: str
    band: Band | None = None  # of the pure multiplier
    chance: float = 0.5  # that it is above 1
    log_odds: float = 0.0  # for a pure multiplier, against two free curves
    sizes: tuple[Band, ...] = ()  # where that is rejected: at the smallest and largest common size, and LATER


def compare(base: Measured, trick: Measured, *, chance_error: float) -> Multiplier:
    """Return what the trick is worth on top of the base; chance_error is the error of guessing.

    A pure multiplier is rejected where two free curves are more probable.  None of 360 planted ones was; of
    multipliers that fall from 4 to 1 over five sizes, or rise so, half were caught, over three sizes one in a
    hundred: few sizes tell a mean multiplier.  Of 164 real curves that were compared with other seeds of
    themselves (LCCV), 5 % were told different over three sizes, 9 % over five; 10 % would be fair.
    Noise that both share, as they do on one test set, is not taken off: the band is rather too wide.
    Deterministic, a tenth of a second.
    """
    refused = refusal(base, trick)
    if refused:
        return Multiplier(Verdict.REFUSED, refused)
    chance = max(chance_error, *base.points.error, *trick.points.error)
    logs = profile(base.points, trick.points, chance)
    band, above = _summary(logs)
    log_odds = float(np.logaddexp.reduce(logs) - np.log(len(GRID)) - _free(base.points, trick.points, chance))
    if log_odds < 0:
        return _changing(
            base.points, trick.points, chance_error, Multiplier(Verdict.FADES, "", band, above, log_odds)
        )
    verdict = Verdict.PURE if band.shown else Verdict.NOT_SHOWN
    said = "Worth" if band.shown else "No difference can be shown:"
    return Multiplier(verdict, f"{said} {band.words}.", band, above, log_odds)


def refusal(base: Measured, trick: Measured) -> str:
    """Return why two curves cannot be compared, or ""."""
    if base.test_set != trick.test_set:
        return "Not shown: the two curves were measured on different test sets."
    if guards.refusal(base.points):
        return f"Not shown: {guards.refusal(base.points)}"
    if max(base.points.n[0], trick.points.n[0]) > min(base.points.n[-1], trick.points.n[-1]):
        return "Not shown: the two curves have no number of labels in common."
    if len(trick.points.n) < FEWEST_SIZES:
        return (
            f"Not shown: the other curve needs at least {FEWEST_SIZES} sizes; it has {len(trick.points.n)}."
        )
    return ""


def profile(base: Points, trick: Points, chance: float) -> Floats:
    """Return the log evidence of both curves as one, for each multiplier of GRID, up to a shared constant.

    The base comes first and its largest size stays the unit of n, so that priors mean the same for every m.
    """
    joined = Points(
        np.concatenate([base.n, trick.n]),
        np.concatenate([base.error, trick.error]),
        np.concatenate([base.variance, trick.variance]),
    )
    factor = np.ones((len(GRID), len(joined.n)))
    factor[:, len(base.n) :] = 2 ** GRID[:, None]
    return np.array([_evidence(joined, x, chance) for x in joined.n / base.n[-1] * factor])


def _evidence(points: Points, x: Floats, chance: float, parameters: float = 0.0) -> float:
    """Return the log evidence, each linear parameter counted at `parameters`."""
    logs = []
    for family in FAMILIES:
        phi = family.shape(x)
        for misfit in MISFITS:
            _, log = fit.posterior(family, phi, points, misfit, chance)
            logs.append(log + parameters * _free_of(family))
    return float(np.logaddexp.reduce(np.concatenate(logs)))


def _free_of(family: Family) -> int:
    return 1 if family.anchored else 2


def _free(base: Points, trick: Points, chance: float) -> float:
    """Return the log evidence of two curves of their own, on the scale of `profile`.

    Against one joint curve there is a second choice of family and misfit, whose prior weights must sum to
    one, and there are more linear parameters: uniform on [0, 1] each, whose integrals bring sqrt(2 pi).
    """
    choices = sum(np.exp(family.log_prior).sum() for family in FAMILIES) * len(MISFITS)
    second = _evidence(trick, trick.n / trick.n[-1], chance, 0.5 * np.log(2 * np.pi))
    return float(_evidence(base, base.n / base.n[-1], chance) + second - np.log(choices))


def _summary(logs: Floats) -> tuple[Band, float]:
    """Return median and 90 % band of the multiplier, and the probability that it is above 1."""
    weight = np.exp(logs - logs.max())
    reached = np.cumsum(weight) / weight.sum()
    edges = GRID + 1 / 32
    return _band(edges, reached), float(1 - np.interp(0, edges, reached))


def _band(log_m: Floats, reached: Floats) -> Band:
    """Return the quantiles of a distribution of log2 m from its cumulative values, ends kept to the grid."""
    low, median, high = 2 ** np.clip(np.interp(BAND, reached, log_m), GRID[0], GRID[-1])
    return Band(float(median), float(low), float(high))


def _changing(base: Points, trick: Points, chance_error: float, found: Multiplier) -> Multiplier:
    """Tell the multiplier size by size.

    Whether it fades or grows is judged over the measured sizes: of 61 planted changes all were told right so,
    a third of the growing ones wrong by what is forecast beyond.
    """
    first, last = max(base.n[0], trick.n[0]), min(base.n[-1], trick.n[-1])
    fits = fit.fit(base, chance_error), fit.fit(trick, chance_error)
    bands = tuple(at(*fits, n) for n in (first, last, LATER * last))
    ends = {_said(band.value) for band in bands[:2]}
    if len(ends) == 1 and not LEAST < bands[0].value < MOST:
        said = f"Worth {ends.pop()} times the labels at every size: too far apart for a number."
        return replace(found, verdict=Verdict.BEYOND, sentence=said, sizes=bands)
    if guards.is_constant(base) or guards.is_constant(trick):  # crossed by the other: no law of labels
        why = "Not shown: one of the curves scored the same at every size."
        return Multiplier(Verdict.REFUSED, why)
    verdict = Verdict.FADES if bands[1].value < bands[0].value else Verdict.GROWS
    said = f"With {first:,.0f} labels {bands[0].told}, with {last:,.0f} {bands[1].told}: it {verdict}."
    return replace(found, verdict=verdict, sentence=said, sizes=bands)


def at(base: Fit, trick: Fit, n: float) -> Band:
    """Return the multiplier with n labels, from two fits that have nothing to do with one another.

    It exceeds m where the base still errs more with m * n labels than the trick with n.
    """
    trick_errors = trick.at(np.array([n])).quantiles(SHARES)[:, 0]
    ahead = base.at(n * 2**GRID)
    beyond = np.mean([1 - ahead.below(float(error)) for error in trick_errors], axis=0)
    return _band(GRID, 1 - np.minimum.accumulate(beyond))
