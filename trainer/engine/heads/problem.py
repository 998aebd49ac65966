"""What the heads of a curve are fitted to: fixed vectors, and nested subsets of them in several orders."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32] | NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Problem:
    """R x S subsets: the first n rows of each of R orders, for each of S sizes n.

    The row numbers point into `vectors`; what they do not name is never looked at.  Raises ValueError where
    the parts do not fit, sizes do not ascend, a vector is not finite, or a subset holds one class only.
    It may lack a class: that one is never called.
    """

    vectors: Floats  # (N, D)
    labels: Rows  # (N,) class numbers
    orders: Rows  # (R, n) row numbers, n at least the largest size
    sizes: tuple[int, ...]  # (S,) ascending
    n_classes: int

    def __post_init__(self) -> None:
        _check_shapes(self)
        _check_rows(self)
        _check_classes(self)

    @property
    def shape(self) -> tuple[int, int]:
        """(R, S): how many orders and sizes."""
        return len(self.orders), len(self.sizes)

    @property
    def width(self) -> int:
        return self.vectors.shape[1]

    def rows(self, repeat: int) -> Rows:
        """Return the rows of the largest subset; every smaller one is a prefix."""
        return self.orders[repeat, : self.sizes[-1]]

    def copies(self) -> NDArray[np.bool_]:
        """Say (R, S) which subsets hold the same rows as one of an earlier order does.

        The largest often is everything that there is: a head that draws nothing is the same for all orders.
        """
        same = np.zeros(self.shape, bool)
        largest = np.sort(self.orders[:, : self.sizes[-1]], 1)
        same[1:, -1] = (largest[1:] == largest[0]).all(1)
        return same

    def lacks(self) -> NDArray[np.bool_]:
        """Say (R, S, K) which classes each subset lacks."""
        classes = self.labels[self.orders[:, : self.sizes[-1]]]
        seen = [
            np.stack([np.isin(np.arange(self.n_classes), row[:n]) for row in classes]) for n in self.sizes
        ]
        return ~np.stack(seen, 1)


def check_asked(vectors: Floats, width: int) -> None:
    """Raise ValueError unless `vectors` are finite and (M, width)."""
    if vectors.ndim != 2 or vectors.shape[1] != width:
        raise ValueError(f"asked vectors must be (M, {width}), got {vectors.shape}")
    if not np.isfinite(vectors).all():
        raise ValueError("asked vectors must be finite")


def _check_shapes(problem: Problem) -> None:
    vectors, labels, orders, sizes = problem.vectors, problem.labels, problem.orders, problem.sizes
    if vectors.ndim != 2 or labels.shape != vectors.shape[:1] or orders.ndim != 2 or orders.size == 0:
        raise ValueError(
            f"vectors must be (N, D), labels (N,), orders (R, n); got {vectors.shape}, {labels.shape}, "
            f"{orders.shape}"
        )
    if not sizes or sizes[0] < 2:
        raise ValueError(f"a subset needs at least two rows, got sizes {sizes}")
    if any(late <= early for early, late in pairwise(sizes)):
        raise ValueError(f"sizes must ascend, so that each subset lies in the next; got {sizes}")
    if sizes[-1] > orders.shape[1]:
        raise ValueError(f"the largest size is {sizes[-1]}, but an order has only {orders.shape[1]} rows")


def _check_rows(problem: Problem) -> None:
    named = problem.orders[:, : problem.sizes[-1]]
    if named.min() < 0 or named.max() >= len(problem.vectors):
        raise ValueError(f"row numbers must lie in [0, {len(problem.vectors)})")
    if (np.diff(np.sort(named, 1), axis=1) == 0).any():
        raise ValueError("an order must name each row at most once")
    if not np.isfinite(problem.vectors[np.unique(named)]).all():
        raise ValueError("vectors must be finite")


def _check_classes(problem: Problem) -> None:
    classes = problem.labels[problem.orders[:, : problem.sizes[-1]]]
    if classes.min() < 0 or classes.max() >= problem.n_classes:
        raise ValueError(
            f"labels must lie in [0, {problem.n_classes}), got {classes.min()} to {classes.max()}"
        )
    smallest = classes[:, : problem.sizes[0]]
    if (smallest.min(1) == smallest.max(1)).any():
        raise ValueError(f"a subset of {problem.sizes[0]} rows holds one class only; two are needed")
