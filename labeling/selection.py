"""Which unlabeled samples to label next."""

from collections.abc import Callable, Sequence
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


def entropy(probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return each row's entropy (N,) as a share of the largest possible, log K; in [0, 1], K >= 2.

    Source: Shannon 1948; for selection Settles 2009, "Active learning literature survey", section 3.1.
    """
    given = np.asarray(probs, dtype=np.float64)
    logs = np.log(given, out=np.zeros_like(given), where=given > 0)
    spread: NDArray[np.float64] = np.clip(-(given * logs).sum(1) / np.log(given.shape[1]), 0, 1)
    return spread


def least_confidence(probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return how far (N,) each row's likeliest class is from certain, as a share of 1 - 1/K; in [0, 1].

    Source: Lewis and Gale 1994, "A sequential algorithm for training text classifiers".
    """
    given = np.asarray(probs, dtype=np.float64)
    lacking: NDArray[np.float64] = np.clip((1 - given.max(1)) / (1 - 1 / given.shape[1]), 0, 1)
    return lacking


def choose(doubt: NDArray[np.float64], count: int, random_share: float, rng: np.random.Generator) -> Choice:
    """Return up to `count` of N candidates: a random share, then the most doubtful of the rest.

    The audit samples are drawn first and from all candidates, so they are a fair sample of them; at least
    random_share of the choice.  They stand at random ranks, the others in order of doubt.  NaN is a candidate
    that no model has seen: it comes after all that were seen; ties and NaN are broken at random.
    """
    drawn, rest = _drawn(len(doubt), count, random_share, rng)
    return _ordered(drawn, _most_doubtful(rest, doubt)[: min(count, len(doubt)) - len(drawn)], rng)


def reorder(doubt: NDArray[np.float64], drawn: NDArray[np.bool_], rng: np.random.Generator) -> Choice:
    """Return all N rows in the order in which they shall be labeled, where a new model gave their doubts.

    The drawn ones stand at random ranks, the others in order of doubt; NaN and ties as in `choose`.
    """
    order = rng.permutation(len(doubt))
    return _ordered(order[drawn[order]], _most_doubtful(order[~drawn[order]], doubt), rng)


def choose_by(
    pick: Callable[[NDArray[np.int64], NDArray[np.int64], int], NDArray[np.int64]],
    known: NDArray[np.bool_],
    count: int,
    random_share: float,
    rng: np.random.Generator,
) -> Choice:
    """Return up to `count` of N candidates: a random share, then what `pick` picks of the rest.

    The random share is that of `choose`.  pick(rows, drawn, most) is given the rest of the rows that are
    known, ascending, and the drawn ones, and returns `most` of the former in the order in which they shall be
    labeled.  Rows that are not known come last, at random.
    """
    drawn, rest = _drawn(len(known), count, random_share, rng)
    room = min(count, len(known)) - len(drawn)
    seen, unseen = np.sort(rest[known[rest]]), rest[~known[rest]]
    most = min(room, len(seen))
    picked = pick(seen, drawn, most) if most else seen[:0]
    return _ordered(drawn, np.r_[picked, unseen[: room - most]], rng)


def choose_mix(
    doubt: NDArray[np.float64],
    probs: NDArray[np.floating],
    wanted: NDArray[np.int64],
    random_share: float,
    rng: np.random.Generator,
) -> Choice:
    """Return up to wanted.sum() of N candidates, about wanted (K,) of each class.

    probs (N, K) are a model's; NaN rows are candidates that it has not seen.  A random share is drawn first,
    as by `choose`, and what it is likely to hold counts; then each class is served, the scarcest first: from
    the candidates that the model takes for it, the most doubtful first; where those run out, from the ones
    that are likeliest to be it.  What is left over goes to the most doubtful.
    """
    count = int(wanted.sum())
    drawn, rest = _drawn(len(doubt), count, random_share, rng)
    taken_for = np.where(np.isnan(doubt), -1, np.nan_to_num(probs).argmax(1))
    rest = _most_doubtful(rest, doubt)
    missing = np.maximum(wanted - _tally(taken_for[drawn], len(wanted)), 0)
    supply = _tally(taken_for[rest], len(wanted))
    room, chosen = min(count, len(doubt)) - len(drawn), np.empty(0, dtype=np.int64)
    for number in np.argsort(supply - missing, kind="stable"):
        served = _served(rest, taken_for, probs[:, number], int(number))[: min(missing[number], room)]
        chosen, rest = np.r_[chosen, served], rest[~np.isin(rest, served)]
        room -= len(served)
    return _ordered(drawn, _most_doubtful(np.r_[chosen, rest[:room]], doubt), rng)


def _tally(taken_for: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    return np.bincount(taken_for[taken_for >= 0], minlength=classes)


def _served(
    rows: NDArray[np.int64], taken_for: NDArray[np.int64], likely: NDArray[np.floating], number: int
) -> NDArray[np.int64]:
    """Return the rows that may serve a class, the ones taken for it first; rows come by doubt."""
    own = rows[taken_for[rows] == number]
    others = rows[(taken_for[rows] != number) & (taken_for[rows] >= 0)]
    ranked: NDArray[np.int64] = np.r_[own, others[np.argsort(-likely[others], kind="stable")]]
    return ranked


def _drawn(
    candidates: int, count: int, random_share: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows drawn at random, at least random_share of the choice, and all others, shuffled."""
    if not 0 <= random_share <= 1:
        raise ValueError(f"random_share must lie in [0, 1], got {random_share}")
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    order = rng.permutation(candidates)
    share = random_share * min(count, candidates)
    drawn = ceil(round(share, 9))  # 0.15 * 100 is 15.000000000000002 in some orders of factors
    return order[:drawn], order[drawn:]


def _most_doubtful(rows: NDArray[np.int64], doubt: NDArray[np.float64]) -> NDArray[np.int64]:
    return rows[np.argsort(-doubt[rows], kind="stable")]  # NaN sorts last


def _ordered(drawn: NDArray[np.int64], doubtful: NDArray[np.int64], rng: np.random.Generator) -> Choice:
    """Put the drawn rows at random ranks among the doubtful ones, which keep their order."""
    count = len(drawn) + len(doubtful)
    audit = np.zeros(count, dtype=np.bool_)
    audit[rng.choice(count, len(drawn), replace=False)] = True
    rows = np.empty(count, dtype=np.int64)
    rows[audit], rows[~audit] = drawn, doubtful
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
