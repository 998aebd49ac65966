"""Which unlabeled samples to label next."""

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

STEP = 1e-6  # least distance of two scores; Label Studio keeps double precision


class Choice(NamedTuple):
    """C chosen rows, in the order in which they shall be labeled."""

    rows: NDArray[np.int64]  # (C,) row numbers of the candidates
    audit: NDArray[np.bool_]  # (C,) drawn at random from all candidates, whatever the model says


def margin(probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return each row's doubt (N,), 1 - (p1 - p2) of its two likeliest classes; probs are (N, K), K >= 2.

    Source: Scheffer, Decomain and Wrobel 2001, "Active hidden Markov models for information extraction".
    """
    top = np.partition(np.asarray(probs, dtype=np.float64), -2, axis=1)
    return np.clip(1 - (top[:, -1] - top[:, -2]), 0, 1)


def choose(doubt: NDArray[np.float64], count: int, random_share: float, rng: np.random.Generator) -> Choice:
    """Return up to `count` of N candidates: a random share, then the most doubtful of the rest.

    The audit samples are drawn first and from all candidates, so they are a fair sample of them; at least
    random_share of the choice.  They stand at random ranks, the others in order of doubt.  NaN is a candidate
    that no model has seen: it comes after all that were seen; ties and NaN are broken at random.
    """
    if not 0 <= random_share <= 1:
        raise ValueError(f"random_share must lie in [0, 1], got {random_share}")
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    count = min(count, len(doubt))
    order = rng.permutation(len(doubt))
    drawn = ceil(round(random_share * count, 9))  # 0.15 * 100 is 15.000000000000002 in some orders of factors
    rest = order[drawn:]
    doubtful = rest[np.argsort(-doubt[rest], kind="stable")][: count - drawn]  # NaN sorts last
    audit = np.zeros(count, dtype=np.bool_)
    audit[rng.choice(count, drawn, replace=False)] = True
    rows = np.empty(count, dtype=np.int64)
    rows[audit], rows[~audit] = order[:drawn], doubtful
    return Choice(rows, audit)


def scores(doubt: NDArray[np.float64], audit: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return a score in [0, 1] for each of C chosen samples, by rank; it strictly rises with the rank.

    Label Studio serves the lowest score first.  A doubtful sample scores 1 - doubt; an audit sample, and one
    without doubt (NaN), what its neighbors' scores say for its rank; without any neighbor, the rank alone.
    """
    ranks = np.arange(len(doubt))
    anchors = ~audit & ~np.isnan(doubt)
    if not anchors.any():
        return (ranks + 0.5) / len(doubt)
    flat = np.interp(ranks, ranks[anchors], 1 - doubt[anchors])
    flat = np.maximum.accumulate(flat * (1 - len(doubt) * STEP) - ranks * STEP)
    rising: NDArray[np.float64] = flat + ranks * STEP
    return rising


def one_per_group(groups: Sequence[str], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return one random row of each group, in ascending order."""
    order = rng.permutation(len(groups))
    _, first = np.unique(np.asarray(groups, dtype=np.str_)[order], return_index=True)
    return np.sort(order[first])
