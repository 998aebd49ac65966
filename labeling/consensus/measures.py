"""How far people agree beyond chance, overall and for each class, with intervals.

Each figure has a 95 % percentile bootstrap interval over samples (B. Efron 1979).  All figures are functions
of sums over samples, and samples with equal votes are equal: one multinomial draw of the different patterns
is the bootstrap itself, and costs the same for a million samples as for as many as there are patterns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labeling.consensus import table
from labeling.consensus.table import Said

Floats = NDArray[np.float64]
Figure = Callable[[Floats], Floats]  # sums over samples (..., S) -> figure (...), NaN where it has no value
RESAMPLES = 1000
AT_ONCE = 1 << 22  # drawn counts held in memory at a time: 32 MiB


class Estimate(NamedTuple):
    """A figure with the ends of its interval, and on how many samples it rests."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Measures:
    """How far people agree on the samples with at least two opinions; None where a figure has no value.

    Up is good; of the last two 1 is perfect and 0 is chance.  A class's per cent rests on the samples that
    somebody gave it.
    """

    percent: (
        Estimate | None
    )  # overall: that two people said the same; of a class: that the second says it too
    fleiss: Estimate | None  # only where every sample has the same number of opinions
    alpha: Estimate | None  # Krippendorff's, nominal


@dataclass(frozen=True)
class Agreement:
    """How far people agree, overall and on each class against all the others."""

    overall: Measures
    classes: tuple[Measures, ...]  # K


def agreement(said: Said, k: int, rng: np.random.Generator) -> Agreement | None:
    """Measure opinions `said` (N, A) of k classes; None where no sample has two.

    Sources: J. L. Fleiss 1971 (overall and per category), K. Krippendorff 2011 (missing values); per cent
    agreement of one class is its specific agreement (Spitzer and Fleiss 1974).
    """
    counts = table.counts(said, k)
    counts = counts[counts.sum(axis=1) > 1]
    if not len(counts):
        return None
    even = bool((counts.sum(axis=1) == counts[0].sum()).all())
    patterns, often = np.unique(counts, axis=0, return_counts=True)
    tables = [patterns, *(_against(patterns, number) for number in range(k))]
    blocks = [_sums(one.astype(np.float64)) for one in tables]
    edges = np.cumsum([block.shape[1] for block in blocks])[:-1]
    drawn = np.split(_resampled(np.hstack(blocks), often, rng), edges, axis=1)
    whole, *classes = [_Sums(often @ block, some) for block, some in zip(blocks, drawn, strict=True)]
    n = len(counts)
    named = (counts > 0).sum(axis=0).tolist()
    return Agreement(
        Measures(whole.told(_percent, n), whole.told(_fleiss, n) if even else None, whole.told(_alpha, n)),
        tuple(
            Measures(
                one.told(_specific, m), one.told(_fleiss, n) if even else None, one.told(_alpha_of_class, n)
            )
            for one, m in zip(classes, named, strict=True)
        ),
    )


def _against(patterns: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """Return the votes (U, 2) for one class and for all the others."""
    own = patterns[:, [number]]
    return np.hstack([own, patterns.sum(axis=1, keepdims=True) - own])


def _sums(counts: Floats) -> Floats:
    """Return what is summed over samples (U, 2K + 2).

    That is pairs, pairs alike (K), Krippendorff's disagreement, and votes (K).
    """
    votes = counts.sum(axis=1, keepdims=True)
    apart = (votes**2 - (counts**2).sum(axis=1, keepdims=True)) / (votes - 1)
    return np.hstack([votes * (votes - 1), counts * (counts - 1), apart, counts])


def _resampled(sums: Floats, often: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Return the sums (RESAMPLES, S) over draws of as many samples as there are."""
    n = int(often.sum())
    step = max(1, AT_ONCE // len(often))
    lots = [min(step, RESAMPLES - start) for start in range(0, RESAMPLES, step)]
    return np.concatenate([rng.multinomial(n, often / n, lot) @ sums for lot in lots])


class _Sums(NamedTuple):
    """The sums over all samples (S,) and over each draw of them (RESAMPLES, S)."""

    whole: Floats
    drawn: Floats

    def told(self, figure: Figure, n: int) -> Estimate | None:
        return estimate(figure(self.whole), figure(self.drawn), n)


def estimate(value: Floats, drawn: Floats, n: int) -> Estimate | None:
    """Return the figure with the middle 95 % of its draws (R,); None where it is NaN."""
    if np.isnan(value):
        return None
    low, high = np.nanquantile(drawn, (0.025, 0.975))
    return Estimate(float(value), float(low), float(high), n)


def _split(sums: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the parts of _sums: (...), (..., k), (...), (..., k)."""
    k = (sums.shape[-1] - 2) // 2
    return sums[..., 0], sums[..., 1 : 1 + k], sums[..., 1 + k], sums[..., 2 + k :]


def _percent(sums: Floats) -> Floats:
    both, alike, *_ = _split(sums)
    return np.asarray(alike.sum(axis=-1) / both)


def _specific(sums: Floats) -> Floats:
    """Return how often, where one says the class, another says so too; pairs of a sample weigh the same.

    With m opinions a sample, each vote for the class meets m - 1 others.
    """
    both, alike, *_ = _split(sums)
    apart = (both - alike.sum(axis=-1)) / 2
    return over(alike[..., 0], alike[..., 0] + apart)


def _alpha(sums: Floats) -> Floats:
    """Return Krippendorff's alpha; where all votes name one label, 1 by agreement (agreement.measure)."""
    alpha = _alpha_of_class(sums)
    return np.where(np.isnan(alpha), 1.0, alpha)


def _alpha_of_class(sums: Floats) -> Floats:
    _, _, apart, votes = _split(sums)
    total = votes.sum(axis=-1)
    return 1 - over(apart, (total**2 - (votes**2).sum(axis=-1)) / (total - 1))


def _fleiss(sums: Floats) -> Floats:
    both, alike, _, votes = _split(sums)
    observed = alike.sum(axis=-1) / both  # the mean over samples, since all have as many opinions
    chance = ((votes / votes.sum(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
    return over(observed - chance, 1 - chance)


def over(above: Floats, below: Floats) -> Floats:
    """Divide; NaN where there is nothing to divide by."""
    return np.asarray(above / np.where(below > 0, below, np.nan))
