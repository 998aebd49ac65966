"""Whether what a strategy picked teaches more than what chance drew in the same rounds.

Two ridge heads on fixed vectors are trained on the labels from before, one with picked pictures added, one
with as many drawn ones, and both are tested on the same pictures.  Were picks no better than draws, both
would be random samples of the same candidates, and which of them is called picked would not matter: the gain
is ranked among the gains after shuffling the names within each round.  The rank is an exact p-value, whatever
the head, the test set and the number of rounds (Fisher 1935, "The design of experiments"; Phipson and Smyth
2010 for the counting).  A paired test of the two heads would be none: it sees the chance in the test pictures
but not in which pictures were drawn for training.

Of 2,000 planted campaigns, random against random with 24 labels of each and 100 test pictures, 67 were
claimed: 3.4 %, ties make it fewer than 5.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labeling.strategies.pool import Floats, Rows

SHUFFLES = 199  # with the gain itself 200 equally likely ranks: the tenth has p = 0.05
LEVEL = 0.05
LEAST = 20  # labels of each kind: with fewer hardly any gain could be told
WIDTH = 64  # principal directions that the heads see
LEARNED_FROM = 500  # rows that the directions are found by
PENALTY = 10.0  # of squared weights, for directions of mean square 1
LOT = 50  # heads solved together


class Round(NamedTuple):
    picked: Rows  # by rank
    drawn: Rows


class Material(NamedTuple):
    """Rows of the vectors (N, D), with class numbers (N,)."""

    vectors: Floats
    labels: Rows
    before: Rows  # labeled, but in none of the rounds
    rounds: Sequence[Round]
    test: Rows


class Verdict(NamedTuple):
    gain: float  # accuracy with picked labels less accuracy with as many drawn ones
    p_value: float  # of so large a gain by chance alone, one-sided
    labels: int  # of each kind
    n_test: int

    @property
    def shown(self) -> bool:
        return self.p_value <= LEVEL

    @property
    def sentence(self) -> str:
        said = f"{100 * self.gain:+.1f} points with {self.labels:,} labels of each, added to the same others"
        of = f"p = {self.p_value:.3f}, {self.n_test:,} test pictures, linear heads on fixed vectors"
        if self.shown:
            return f"Picked pictures teach more than random ones: {said} ({of})."
        return f"That picked pictures teach more than random ones is not shown: {said} ({of})."


def compare(given: Material, rng: np.random.Generator) -> Verdict | None:
    """Return what picked labels gain over drawn ones; None where there are too few to tell."""
    sizes = [min(len(one.picked), len(one.drawn)) for one in given.rounds]
    if sum(sizes) < LEAST or not len(given.test):
        return None
    picked = [_spread(one.picked, size) for one, size in zip(given.rounds, sizes, strict=True)]
    drawn = [one.drawn[:size] for one, size in zip(given.rounds, sizes, strict=True)]
    pairs = [(np.concatenate(picked), np.concatenate(drawn))]
    pairs += [_shuffled(given.rounds, sizes, rng) for _ in range(SHUFFLES)]
    x = _directions(given, rng)
    ahead, behind = (_accuracies(x, given, np.stack(side)) for side in zip(*pairs, strict=True))
    gains = ahead - behind
    p_value = float((gains >= gains[0] - 1e-12).mean())  # itself included
    return Verdict(float(gains[0]), p_value, sum(sizes), len(given.test))


def _spread(rows: Rows, count: int) -> Rows:
    """Return `count` rows evenly spread over the ranks."""
    spread: Rows = rows[np.arange(count) * len(rows) // max(count, 1)]
    return spread


def _shuffled(rounds: Sequence[Round], sizes: Sequence[int], rng: np.random.Generator) -> tuple[Rows, Rows]:
    mixed = [rng.permutation(np.r_[one.picked, one.drawn]) for one in rounds]
    first = [rows[:size] for rows, size in zip(mixed, sizes, strict=True)]
    second = [rows[size : 2 * size] for rows, size in zip(mixed, sizes, strict=True)]
    return np.concatenate(first), np.concatenate(second)


def _directions(given: Material, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the vectors (N, W + 1) along principal directions, mean square 1, and a column of 1."""
    x = given.vectors - given.vectors.mean(0)
    part = x[rng.permutation(len(x))[:LEARNED_FROM]].astype(np.float64)
    _, strength, axes = np.linalg.svd(part, full_matrices=False)
    there = strength[:WIDTH] > 1e-6 * strength[0]
    found = x @ axes[:WIDTH][there].T
    found /= np.sqrt((found**2).mean())
    with_one: NDArray[np.float64] = np.c_[found, np.ones(len(x))]
    return with_one


def _accuracies(x: NDArray[np.float64], given: Material, added: Rows) -> NDArray[np.float64]:
    """Return the test accuracy (B,) of heads trained on what was labeled before and on `added` (B, M)."""
    targets = np.eye(given.labels.max() + 1)[given.labels]
    before, tested = x[given.before], x[given.test]
    squares = before.T @ before + PENALTY * np.eye(x.shape[1])
    products = before.T @ targets[given.before]
    right = []
    for start in range(0, len(added), LOT):
        rows = added[start : start + LOT]
        turned = x[rows].transpose(0, 2, 1)
        heads = np.linalg.solve(squares + turned @ x[rows], products + turned @ targets[rows])
        right.append(((tested @ heads).argmax(2) == given.labels[given.test]).mean(1))
    return np.concatenate(right)
