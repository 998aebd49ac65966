"""How softmax losses bend where heads have learnt a little: undone, all directions are about as steep."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import blas, lapack
from torch import Tensor

from trainer.engine.heads.packed import Packed

NARROW = 0.5  # rows to features: below, the rows' span costs less than the inverse of a square
# Of the curvature at zero weights, which falls as heads grow sure: all of it, 1/2, 1/4 and 1/8 took 88, 60,
# 56 and 123 evaluations for 36 heads on 8,000 x 512
LEFT = 0.25
JITTERS = (1e-6, 1e-4, 1e-2)  # of the largest curvature: single precision knows no smaller one


class Curvature:
    """At zero weights each class has the chance 1 / K: a loss bends by 1 / K times its rows' squares.

    Nowhere does it bend by more than half of them (Boehning 1992).  The squares of nested subsets add up.
    """

    def __init__(self, packed: Packed, penalty: float) -> None:
        self.penalty = penalty
        self.share = LEFT / packed.classes
        self.counts = torch.tensor(packed.sizes)[:, None]  # (S, 1)
        self.means = torch.stack([packed.rows[:, :n].mean(1) for n in packed.sizes], 1)  # (R, S, D)
        self.inverses = {
            (repeat, size): inverse
            for repeat in range(len(packed.rows))
            for size, inverse in enumerate(self._of_order(packed, repeat))
        }

    def _of_order(self, packed: Packed, repeat: int) -> list[Tensor]:
        rows, means = packed.rows[repeat], self.means[repeat]
        found, added, squares = [], 0, np.zeros((rows.shape[1],) * 2, np.float32, order="F")
        for n, mean, copied in zip(packed.sizes, means, packed.copies[repeat], strict=True):
            if copied:
                break
            if n <= NARROW * rows.shape[1]:
                found.append(_span(rows[:n] - mean, self.penalty / self.share))
                continue
            squares = blas.ssyrk(1.0, rows[added:n].numpy().T, beta=1.0, c=squares, overwrite_c=True)
            centered = blas.ssyr(-n, mean.numpy(), a=squares)
            found.append(_inverse(self.share * centered, self.penalty))
            added = n
        return found

    def undo(self, weight: Tensor, bias: Tensor, live: Tensor) -> tuple[Tensor, Tensor]:
        """Return slopes by weight (R, S, K, D) and bias (R, S, K), divided by the curvature.

        Only those that are live (R, S) are right.
        """
        weight = weight - bias[..., None] * self.means[:, :, None]
        for place in map(tuple, live.nonzero().tolist()):
            one, inverse = weight[place], self.inverses[place]
            is_span = inverse.shape[0] < inverse.shape[1]
            weight[place] = (one - one @ inverse.T @ inverse) / self.penalty if is_span else one @ inverse
        bias = bias / (self.share * self.counts) - (weight @ self.means[..., None])[..., 0]
        return weight, bias


def _span(rows: Tensor, ridge: float) -> Tensor:
    """Return B (n, D) with (rows.T @ rows / ridge + 1)^-1 = 1 - B.T @ B; equal rows raise the ridge."""
    kernel = rows @ rows.T
    diagonal = kernel.diagonal() + ridge
    for jitter in JITTERS:
        kernel.diagonal().copy_(diagonal + jitter * diagonal.max())
        factor, failed = torch.linalg.cholesky_ex(kernel)
        if not failed:
            break
    span: Tensor = torch.linalg.solve_triangular(factor, rows, upper=False)
    return span


def _inverse(squares: NDArray[np.float32], penalty: float) -> Tensor:
    """Return the inverse of (D, D) squares, of which the upper triangle is given, plus the penalty.

    Collinear features need a larger jitter; it only makes the steps that follow less apt.
    """
    diagonal = squares.diagonal() + np.float32(penalty)
    for jitter in JITTERS:
        np.fill_diagonal(squares, diagonal + jitter * diagonal.max())
        factor, failed = lapack.spotrf(squares, clean=False)
        if not failed:
            break
    inverse, _ = lapack.spotri(factor, overwrite_c=True)
    upper = np.triu(inverse, 1)
    return torch.from_numpy(upper + upper.T + np.diag(inverse.diagonal()))
