"""How many labels are wrong, from those that people judged again.

Labels are drawn in strata: those that a model doubted and people reviewed are all known, of the others some
were drawn at random.  Each stratum gets the exact interval of a draw without replacement (T. Wright 1991,
"Exact Confidence Bounds when Sampling from Small Finite Universes", section 2), which holds what it promises
at any size; the sum of strata gets theirs combined by squares (G. Y. Zou and A. Donner 2008, "Construction of
confidence limits about effect measures", equation 5).  With one uncertain stratum the sum is exact, too.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

FEWEST_AUDITED = 50  # labels: below, 0 wrong still leaves a rate of anything from 0 to 7 %
TAIL = 0.025  # either side of 95 %
SMALL = 0.05  # of all labels: a stratum below joins the largest, which errs by that part of the difference


class Stratum(NamedTuple):
    """Labels that came in one way; those that were judged again are all, or as good as a random draw."""

    name: str
    labels: int
    audited: int
    wrong: int  # of the audited, as they were given


class Rate(NamedTuple):
    """A share of labels in [0, 1] with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ErrorRate:
    """How many labels of a dataset are wrong."""

    labels: int
    audited: int  # in all strata
    wrong: int
    given: Rate  # of the labels as they were given first
    standing: Rate  # of the labels as they stand: what was found wrong has mostly been corrected
    halving: int  # how many more labels, drawn at random, would about halve the interval


def hindrance(reviewed: Stratum, others: Sequence[Stratum]) -> str:
    """Return why nothing can be said of these labels, in a sentence; "" where something can."""
    drawn, rest = sum(one.audited for one in others), sum(one.labels for one in others)
    if not rest + reviewed.labels:
        return "Nothing is labeled yet."
    if drawn < min(rest, FEWEST_AUDITED):
        told = "1 label drawn at random was" if drawn == 1 else f"{drawn} labels drawn at random were"
        return (
            f"{told} judged again by two people who agree; from {FEWEST_AUDITED} on the error rate is shown. "
            f"Ask for second opinions, two of each picture."
        )
    untold = [one for one in _merged(others) if one.labels and not one.audited]
    if untold:
        return (
            f"None of the {untold[0].labels:,} labels that were {untold[0].name} was judged again. "
            f"Ask for second opinions, two of each picture."
        )
    return ""


def estimate(reviewed: Stratum, others: Sequence[Stratum], repaired: int) -> ErrorRate | None:
    """Return how many labels are wrong; None where `hindrance` says why not.

    The reviewed are all known.  `repaired` is how many fewer of the known labels are wrong today than were
    when they were given; negative where right ones became wrong.
    Raises ValueError unless 0 <= wrong <= audited <= labels in every stratum.
    """
    _check([reviewed, *others])
    if hindrance(reviewed, others):
        return None
    strata = [one for one in (reviewed, *_merged(others)) if one.labels]
    labels = sum(one.labels for one in strata)
    guesses = [one.labels * one.wrong / one.audited for one in strata]
    bounds = [wrong_labels(one) for one in strata]
    guess = sum(guesses)
    low = guess - math.hypot(*(g - b[0] for g, b in zip(guesses, bounds, strict=True)))
    high = guess + math.hypot(*(b[1] - g for g, b in zip(guesses, bounds, strict=True)))
    return ErrorRate(
        labels=labels,
        audited=sum(one.audited for one in strata),
        wrong=sum(one.wrong for one in strata),
        given=_rate(guess, low, high, labels, 0),
        standing=_rate(guess, low, high, labels, repaired),
        halving=_halving(strata[1:] if reviewed.labels else strata),
    )


def wrong_labels(stratum: Stratum) -> tuple[int, int]:
    """Return the least and the largest number of wrong labels that the audit leaves likely, 95 % both sides.

    Exact for a draw without replacement: where all were audited both are what was found.
    """
    n, k, unseen = stratum.audited, stratum.wrong, stratum.labels - stratum.audited
    logs = np.concatenate([[0.0], np.log(np.arange(1, stratum.labels + 1)).cumsum()])  # of factorials

    def at_most(found: int, wrong: int) -> float:
        """The probability of `found` wrong ones or fewer among those audited, with `wrong` in all."""
        right, most = stratum.labels - wrong, min(found, wrong)
        x = np.arange(max(0, n - right), most + 1)
        if not len(x):
            return 0.0
        ways = logs[wrong] - logs[x] - logs[wrong - x] + logs[right] - logs[n - x] - logs[right - n + x]
        total = logs[stratum.labels] - logs[n] - logs[stratum.labels - n]
        return float(np.exp(ways - total).sum())

    low = _first(k, k + unseen, lambda wrong: 1 - at_most(k - 1, wrong) > TAIL)
    high = _first(k, k + unseen + 1, lambda wrong: at_most(k, wrong) <= TAIL) - 1
    return low, max(high, k)


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the first number in [low, high) for which it holds, and for all above; high where none is."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _merged(strata: Sequence[Stratum]) -> list[Stratum]:
    """Let the small strata join the largest: a handful of labels of their own would blur everything."""
    ranked = sorted((one for one in strata if one.labels), key=lambda one: -one.labels)
    total = sum(one.labels for one in ranked)
    small = [one for one in ranked[1:] if one.labels < SMALL * total]
    if not small:
        return ranked
    first = ranked[0]
    joined = Stratum(
        first.name,
        first.labels + sum(one.labels for one in small),
        first.audited + sum(one.audited for one in small),
        first.wrong + sum(one.wrong for one in small),
    )
    return [joined, *(one for one in ranked[1:] if one not in small)]


def _rate(guess: float, low: float, high: float, labels: int, repaired: int) -> Rate:
    found = (min(max(0.0, count - repaired), labels) / labels for count in (guess, low, high))
    return Rate(*found)


def _halving(strata: Sequence[Stratum]) -> int:
    """Half the width takes a quarter of the variance, (1/n - 1/N) of a draw without replacement."""
    labels, audited = sum(one.labels for one in strata), sum(one.audited for one in strata)
    if audited == labels:
        return 0
    return math.ceil(1 / (1 / labels + (1 / audited - 1 / labels) / 4)) - audited


def _check(strata: Sequence[Stratum]) -> None:
    for one in strata:
        if not 0 <= one.wrong <= one.audited <= one.labels:
            raise ValueError(f"0 <= wrong <= audited <= labels must hold, got {one}")
