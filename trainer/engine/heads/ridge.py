"""Ridge heads of a whole curve in closed form: the squares of nested subsets add up, so each row enters once.

They are those of scikit-learn's RidgeClassifier, to rounding: targets are +1 for the own class and -1 for the
others, the intercept is free.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.linalg import blas

from trainer.engine.heads.linear import Linear
from trainer.engine.heads.problem import Floats, Problem

Doubles = NDArray[np.float64]
PENALTIES = tuple(float(10**power) for power in np.arange(-2, 6.5, 0.5))  # for standardized vectors


@dataclass(frozen=True, eq=False)
class Ridge(Linear):
    penalties: Doubles  # (R, S) times the sum of squared weights


class _Sums(NamedTuple):
    """What the heads of one subset need to know of its rows; vectors are taken from a common origin."""

    n: int
    squares: Doubles  # (D, D), of centered vectors, upper triangle only
    products: Doubles  # (D, K), centered vectors with targets
    mean: Doubles  # (D,)
    target_mean: Doubles  # (K,)


def fit(problem: Problem, *, penalty: float | None = None, penalties: Sequence[float] = PENALTIES) -> Ridge:
    """Return the ridge heads of all subsets.

    Each subset takes of `penalties` the one with the least squared error of leaving one row out, which is
    computed exactly (Allen 1974, PRESS); a fixed `penalty` saves most of the time.  A class that a subset
    lacks has the constant score -1 there, which the best of the others always exceeds.
    """
    if penalty is not None:
        penalties = (penalty,)
    if not penalties or min(penalties) <= 0:
        raise ValueError(f"penalties must be positive, got {tuple(penalties)}")
    origin = problem.vectors[problem.rows(0)].mean(0, dtype=np.float64)
    weights, biases, chosen = [], [], []
    for repeat in range(len(problem.orders)):
        x, classes = problem.vectors[problem.rows(repeat)] - origin, problem.labels[problem.rows(repeat)]
        T = np.where(classes[:, None] == np.arange(problem.n_classes), 1.0, -1.0)
        for sums in _cumulated(x, T, problem.sizes):
            best = penalties[0] if penalty is not None else _best(sums, x[: sums.n], T[: sums.n], penalties)
            weight = _solve(sums, best)
            weights.append(weight)
            biases.append(sums.target_mean - (sums.mean + origin) @ weight)
            chosen.append(best)
    shape = problem.shape
    return Ridge(
        np.stack(weights).reshape(*shape, problem.width, -1),
        np.stack(biases).reshape(*shape, -1),
        np.reshape(chosen, shape),
    )


def _cumulated(x: Doubles, targets: Doubles, sizes: Sequence[int]) -> Iterator[_Sums]:
    squares = np.zeros((x.shape[1], x.shape[1]), order="F")
    products, total, target_total = x[:0].T @ targets[:0], np.zeros(x.shape[1]), np.zeros(targets.shape[1])
    for start, stop in zip([0, *sizes], sizes, strict=False):
        fresh, fresh_targets = x[start:stop], targets[start:stop]
        squares = blas.dsyrk(1.0, fresh.T, beta=1.0, c=squares, overwrite_c=True)
        products = products + fresh.T @ fresh_targets
        total, target_total = total + fresh.sum(0), target_total + fresh_targets.sum(0)
        mean, target_mean = total / stop, target_total / stop
        centered = blas.dsyr(-stop, mean, a=squares)
        yield _Sums(stop, centered, products - np.outer(total, target_mean), mean, target_mean)


def _solve(sums: _Sums, penalty: float) -> Doubles:
    a = sums.squares
    a.flat[:: len(a) + 1] += penalty
    return linalg.cho_solve((linalg.cholesky(a, overwrite_a=True, check_finite=False), False), sums.products, check_finite=False)


DT = np.float64
def _best(sums: _Sums, x: Doubles, targets: Doubles, penalties: Sequence[float]) -> float:
    """Return the penalty with the least squared error of rows left out."""
    centered, targets = x - sums.mean, targets - sums.target_mean
    if sums.n <= x.shape[1]:
        values, basis = linalg.eigh(centered @ centered.T, check_finite=False, driver="evd")
        values = np.maximum(values, 0)
        shrinks = [values / (values + p) for p in penalties]
        on = basis.T @ targets
    else:
        values, vectors = linalg.eigh(sums.squares, lower=False, check_finite=False, driver="evd")
        shrinks = [1 / (values + p) for p in penalties]
        basis = centered.astype(DT) @ vectors.astype(DT)
        on = vectors.T @ sums.products
    kept = 1 - 1 / sums.n - np.square(basis) @ np.stack(shrinks, 1).astype(DT)
    errors = [np.square((targets - basis @ (s[:, None] * on).astype(DT)) / k[:, None]).sum() for s, k in zip(shrinks, kept.T)]
    return penalties[int(np.argmin(errors))]
