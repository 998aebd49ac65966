"""What a strategy chooses from, and what it answers: all have one shape, pick(pool, count, rng)."""

from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

LOT = 1024  # rows of one product: it and what it writes stay in the cache


@dataclass(frozen=True, eq=False)
class Pool:
    """N candidates that are known in all that the strategy needs; what it does not need may be (N, 0)."""

    vectors: Floats  # (N, D)
    probs: NDArray[np.float64]  # (N, K), a model's
    spoken_for: Floats  # (M, D) of pictures that have a label, stand in a queue or were drawn at random

    def __len__(self) -> int:
        return len(self.vectors)


class Picks(NamedTuple):
    """C rows of the pool, in the order in which they shall be labeled."""

    rows: Rows  # (C,)
    groups: (
        Rows  # (C,) how many similar candidates each stands for, itself included; 1 where that is not asked
    )


Reals = TypeVar("Reals", Floats, NDArray[np.float64])


def squares(x: Reals) -> Reals:
    """Return the squared lengths (N,) of the rows, in their precision."""
    lengths: Reals = np.einsum("nd,nd->n", x, x)
    return lengths


def distances(x: Reals, lengths: Reals, y: Reals, y_lengths: Reals) -> Reals:
    """Return squared distances (N, M) by one product, at least 0."""
    far: Reals = x @ y.T
    far *= -2
    far += lengths[:, None]
    far += y_lengths
    np.maximum(far, 0, out=far)
    return far


def nearest(x: Floats, lengths: Floats, y: Floats) -> Floats:
    """Return how far (N,) the nearest row of y (M, D) is from each of x, squared; M > 0."""
    turned, y_lengths = -2 * y.T, squares(y)
    far = np.empty(len(x), dtype=np.float32)
    for start in range(0, len(x), LOT):
        part = slice(start, start + LOT)
        short = x[part] @ turned
        short += y_lengths
        far[part] = short.min(1)  # |x|^2 changes no order: it is added once a row
    far += lengths
    np.maximum(far, 0, out=far)
    return far
