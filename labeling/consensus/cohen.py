"""Cohen's kappa of each two people, with intervals.

Source: J. Cohen 1960, "A Coefficient of Agreement for Nominal Scales".
"""

from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labeling.consensus.measures import RESAMPLES, Estimate, Floats, estimate, over
from labeling.consensus.table import NOTHING, Said

FEWEST = 10  # samples that two people must share before their kappa is told


@dataclass(frozen=True)
class Pair:
    """Two people, by their columns in the table, on the samples that both judged.

    A kappa is None where chance alone agrees always: both named one class throughout, or never this one.
    """

    first: int
    second: int
    percent: Estimate
    kappa: Estimate | None
    classes: tuple[Estimate | None, ...]  # (K,) kappa of each class against all the others


def pairs(said: Said, k: int, rng: np.random.Generator, most: int = 100) -> tuple[Pair, ...]:
    """Return at most so many pairs of people of `said` (N, A) who share FEWEST samples.

    Those who share the most come first.
    """
    spoke = (said != NOTHING).astype(np.int64)
    common = spoke.T @ spoke
    found = [(a, b) for a, b in combinations(range(said.shape[1]), 2) if common[a, b] >= FEWEST]
    found.sort(key=lambda pair: -common[pair])
    return tuple(_pair(said[:, [a, b]], (a, b), k, rng) for a, b in found[:most])


def _pair(said: Said, who: tuple[int, int], k: int, rng: np.random.Generator) -> Pair:
    one, other = said[(said != NOTHING).all(axis=1)].astype(np.int64).T
    cells, often = np.unique(one * k + other, return_counts=True)
    n = len(one)
    whole = _Joint.of(cells, often / n, k)
    drawn = _Joint.of(cells, rng.multinomial(n, often / n, RESAMPLES) / n, k)  # the bootstrap of n samples
    percent = estimate(whole.alike.sum(axis=-1), drawn.alike.sum(axis=-1), n)
    assert percent is not None  # a share of n > 0 samples has a value
    each, each_drawn = whole.kappas(), drawn.kappas()
    classes = tuple(estimate(each[c], each_drawn[:, c], n) for c in range(k))
    return Pair(*who, percent, estimate(whole.kappa(), drawn.kappa(), n), classes)


class _Joint(NamedTuple):
    """Shares of samples, for each class (..., K)."""

    alike: Floats  # both name it
    first: Floats  # the first names it
    second: Floats

    @classmethod
    def of(cls, cells: NDArray[np.int64], shares: Floats, k: int) -> "_Joint":
        """Sum the shares (..., U) of the cells first * k + second."""
        first, second = np.eye(k)[cells // k], np.eye(k)[cells % k]
        return cls(shares @ (first * second), shares @ first, shares @ second)

    def kappa(self) -> Floats:
        chance = (self.first * self.second).sum(axis=-1)
        return _beyond(self.alike.sum(axis=-1), chance)

    def kappas(self) -> Floats:
        """Return the kappa of each class against all the others (..., K)."""
        chance = self.first * self.second + (1 - self.first) * (1 - self.second)
        return _beyond(1 - self.first - self.second + 2 * self.alike, chance)


def _beyond(observed: Floats, chance: Floats) -> Floats:
    return over(observed - chance, np.round(1 - chance, 12))  # 1 - 1 may leave a rounding error
