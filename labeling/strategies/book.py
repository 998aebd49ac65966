"""All strategies: what each needs, and choosing by any of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labeling import selection
from labeling.strategies import badge, cluster_margin, kcenter, typical
from labeling.strategies.pool import Floats, Picks, Pool, Rows, squares

RANDOM = "random"
DOUBTS = {
    "margin": selection.margin,
    "entropy": selection.entropy,
    "least_confidence": selection.least_confidence,
}


class Picker(NamedTuple):
    """Picks by vectors; some ask a model as well."""

    pick: Callable[[Pool, int, np.random.Generator], Picks]
    asks_model: bool
    by_direction: bool = True  # vectors are compared at unit length, as networks' features usually are


PICKERS = {
    "k_center": Picker(kcenter.pick, asks_model=False),
    "typical": Picker(typical.pick, asks_model=False),
    "badge": Picker(badge.pick, asks_model=True, by_direction=False),  # length is part of a gradient
    "cluster_margin": Picker(cluster_margin.pick, asks_model=True),
}
NAMES = (RANDOM, *DOUBTS, *PICKERS)


def needs_probs(name: str) -> bool:
    return name in DOUBTS or (name in PICKERS and PICKERS[name].asks_model)


def needs_vectors(name: str) -> bool:
    return name in PICKERS


@dataclass(frozen=True, eq=False)
class Candidates:
    """N candidates; a row of NaN is one that no model has seen, or that has no vector."""

    probs: NDArray[np.float64]  # (N, K)
    vectors: Floats  # (N, D)
    spoken_for: Floats  # (M, D) of pictures that have a label or stand in a queue

    def __len__(self) -> int:
        return len(self.probs)


class Mix(NamedTuple):
    """How many are wanted of each class, and what the model takes each candidate for."""

    wanted: NDArray[np.int64]  # (K,)
    probs: NDArray[np.float64]  # (N, K) of these classes


class Chosen(NamedTuple):
    """C chosen rows with what is to be told of each."""

    rows: Rows  # (C,)
    audit: NDArray[np.bool_]  # (C,) drawn at random from all candidates
    groups: Rows  # (C,) how many similar candidates a row stands for, itself included; 1 where it is alone
    doubt: NDArray[np.float64]  # (C,) NaN where the order is not by doubt
    known: NDArray[np.bool_]  # (C,) false where the strategy could not judge it


def choose(
    name: str,
    candidates: Candidates,
    count: int,
    random_share: float,
    rng: np.random.Generator,
    mix: Mix | None = None,
) -> Chosen:
    """Return up to `count` candidates by the named strategy, a random share drawn first (selection.choose).

    By chance all are drawn.  A mix goes with strategies that rank by doubt.
    What the strategy cannot judge, for want of a vector or of a model's opinion, comes last, at random.
    """
    if name not in NAMES:
        raise ValueError(f"strategy must be one of {', '.join(NAMES)}, got {name!r}")
    if mix and name not in DOUBTS:
        raise ValueError(f"numbers per class go with {', '.join(DOUBTS)} only, got {name}")
    if name in PICKERS:
        return _picked(name, candidates, count, random_share, rng)
    doubt = DOUBTS[name](candidates.probs) if name in DOUBTS else np.full(len(candidates), np.nan)
    share = random_share if name in DOUBTS else 1.0
    if mix:
        chosen = selection.choose_mix(doubt, mix.probs, mix.wanted, share, rng)
    else:
        chosen = selection.choose(doubt, count, share, rng)
    alone = np.ones(len(chosen.rows), dtype=np.int64)
    return Chosen(*chosen, alone, doubt[chosen.rows], ~np.isnan(doubt[chosen.rows]))


def _picked(
    name: str, candidates: Candidates, count: int, random_share: float, rng: np.random.Generator
) -> Chosen:
    picker = PICKERS[name]
    length = _unit if picker.by_direction else np.asarray
    has_vector = _whole(candidates.vectors)
    known = has_vector & _whole(candidates.probs) if picker.asks_model else has_vector
    groups = np.ones(len(candidates), dtype=np.int64)

    def pick(rows: Rows, drawn: Rows, most: int) -> Rows:
        with_vector = candidates.vectors[drawn[has_vector[drawn]]]
        spoken_for = length(np.r_[candidates.spoken_for, with_vector])
        pool = Pool(length(candidates.vectors[rows]), candidates.probs[rows], spoken_for)
        picks = picker.pick(pool, most, rng)
        groups[rows[picks.rows]] = picks.groups
        return rows[picks.rows]

    rows, audit = selection.choose_by(pick, known, count, random_share, rng)
    doubt = np.full(len(rows), np.nan)
    if name == "cluster_margin":  # the one whose picks come by doubt
        doubt[known[rows]] = selection.margin(candidates.probs[rows[known[rows]]])
    return Chosen(rows, audit, groups[rows], doubt, known[rows])


def _whole(table: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which rows are known."""
    found: NDArray[np.bool_] = ~np.isnan(table).any(axis=1)
    return found


def _unit(x: Floats) -> Floats:
    length = np.sqrt(squares(x))[:, None]
    whole: Floats = np.divide(x, length, out=np.zeros_like(x), where=length > 0)
    return whole
