"""Multinomial logistic heads of a whole curve at once: those of scikit-learn's LogisticRegression."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labeling.progress import Progress, Report, silent
from trainer.engine.heads import lbfgs
from trainer.engine.heads.curvature import Curvature
from trainer.engine.heads.linear import Linear
from trainer.engine.heads.packed import Packed
from trainer.engine.heads.problem import Problem

PENALTY = 1.0  # scikit-learn's 1 / C
TOLERANCE = 5e-5  # of the slope, a row
MOST = 400  # evaluations; 25 to 100 were seen to do


@dataclass(frozen=True, eq=False)
class Logistic(Linear):
    reached: NDArray[np.bool_]  # (R, S) whether the slope fell below the tolerance
    evaluations: int  # of the losses, all heads at once


def fit(
    problem: Problem, *, penalty: float = PENALTY, tolerance: float = TOLERANCE, report: Report = silent
) -> Logistic:
    """Return the heads with the least cross-entropy, summed over rows, + penalty / 2 * |weight|^2.

    The largest slope, divided by the rows of the subset, ends below `tolerance`, half of scikit-learn's: this
    comes nearer to the optimum.  A class that a subset lacks has the logit -inf.
    Raises ValueError where penalty or tolerance are not positive, and what report raises.
    """
    if penalty <= 0 or tolerance <= 0:
        raise ValueError(f"penalty and tolerance must be positive, got {penalty} and {tolerance}")
    losses = _Losses(problem, penalty)

    def tell(evaluations: int, found: int) -> None:
        report(Progress("solving the heads", found, len(losses.counts), {"evaluations": evaluations}))

    found = lbfgs.minimize(
        losses.evaluate,
        torch.zeros(len(losses.counts), problem.n_classes * (problem.width + 1)),
        losses.copied,
        precondition=losses.undo_curvature,
        flat=lambda slopes: slopes.abs().amax(1) <= tolerance * losses.counts,
        most=MOST,
        tell=tell,
    )
    return losses.heads(found)


class _Losses:
    """The losses of R * S heads as functions of one row of numbers each: weights, then biases."""

    def __init__(self, problem: Problem, penalty: float) -> None:
        self.shape, self.classes, self.penalty = problem.shape, problem.n_classes, penalty
        self.packed = Packed(problem)
        self.curvature = Curvature(self.packed, penalty)
        self.counts = torch.tensor(problem.sizes).repeat(problem.shape[0])
        self.copied = self.packed.copies.flatten()

    def evaluate(self, points: Tensor, live: Tensor) -> tuple[Tensor, Tensor]:
        weight, bias = self._split(points)
        found = self.packed.slope(weight, bias, live.view(self.shape))
        losses = found.loss + self.penalty / 2 * weight.square().sum((2, 3))
        return losses.flatten(), _join(found.weight + self.penalty * weight, found.bias)

    def undo_curvature(self, slopes: Tensor, live: Tensor) -> Tensor:
        return _join(*self.curvature.undo(*self._split(slopes), live.view(self.shape)))

    def heads(self, found: lbfgs.Minima) -> Logistic:
        weight, bias = self._split(found.points)
        bias = torch.where(self.packed.chance < 0, -torch.inf, bias - weight @ self.packed.origin)
        reached = found.reached.view(self.shape)
        for part in (weight, bias, reached):
            for repeat, size in self.packed.copies.nonzero().tolist():
                part[repeat, size] = part[0, size]
        return Logistic(weight.mT.numpy(), bias.numpy(), reached.numpy(), found.evaluations)

    def _split(self, points: Tensor) -> tuple[Tensor, Tensor]:
        weight, bias = points.tensor_split([points.shape[1] - self.classes], 1)
        return weight.view(*self.shape, self.classes, -1), bias.view(*self.shape, self.classes)


def _join(weight: Tensor, bias: Tensor) -> Tensor:
    return torch.cat([weight.flatten(2), bias], 2).flatten(0, 1)
