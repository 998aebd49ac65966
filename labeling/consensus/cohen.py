"""Cohen's kappa of each two people, with intervals.

Source: J. Cohen 1960, "A Coefficient of Agreement for Nominal Scales".
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

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


def pairs(said: Said, k: int, rng: np.random.Generator) -> tuple[Pair, ...]:
    """Return each two people of `said` (N, A) who share FEWEST samples; those who share the most first."""
    found = [_pair(said, k, a, b, rng) for a, b in combinations(range(said.shape[1]), 2)]
    return tuple(sorted((pair for pair in found if pair), key=lambda pair: -pair.percent.n))


def _pair(said: Said, k: int, a: int, b: int, rng: np.random.Generator) -> Pair | None:
    both = (said[:, a] != NOTHING) & (said[:, b] != NOTHING)
    n = int(both.sum())
    if n < FEWEST:
        return None
    counts = np.bincount(said[both, a].astype(np.int64) * k + said[both, b], minlength=k * k)
    drawn = rng.multinomial(n, counts / n, RESAMPLES).reshape(-1, k, k) / n  # the bootstrap of n samples
    joint = counts.reshape(k, k) / n
    percent = estimate(_diagonal(joint), _diagonal(drawn), n)
    assert percent is not None  # a share of n > 0 samples has a value
    against = [estimate(_kappa(_against(joint, c)), _kappa(_against(drawn, c)), n) for c in range(k)]
    return Pair(a, b, percent, estimate(_kappa(joint), _kappa(drawn), n), tuple(against))


def _diagonal(joint: Floats) -> Floats:
    return np.asarray(np.einsum("...kk->...", joint))


def _kappa(joint: Floats) -> Floats:
    chance = (joint.sum(axis=-1) * joint.sum(axis=-2)).sum(axis=-1)
    return over(_diagonal(joint) - chance, np.round(1 - chance, 12))  # 1 - 1 may leave a rounding error


def _against(joint: Floats, c: int) -> Floats:
    """Return the table (..., 2, 2) of one class against all the others."""
    both, first, second = joint[..., c, c], joint[..., c, :].sum(axis=-1), joint[..., :, c].sum(axis=-1)
    cells = [both, first - both, second - both, joint.sum(axis=(-1, -2)) - first - second + both]
    return np.stack(cells, axis=-1).reshape(*joint.shape[:-2], 2, 2)
