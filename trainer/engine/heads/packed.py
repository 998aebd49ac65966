"""Softmax losses of all subsets in one go: a row that lies in several of them is read once for all."""

import itertools
from typing import NamedTuple

import torch
from torch import Tensor, nn

from trainer.engine.heads.problem import Problem

NEVER = -1e4  # the logit of a class that a subset lacks: its chance is zero, yet finite


class Slope(NamedTuple):
    """Losses (R, S), each summed over the rows of its subset, and their gradients."""

    loss: Tensor
    weight: Tensor  # (R, S, K, D)
    bias: Tensor  # (R, S, K)


class Packed:
    """The rows of a problem in the order of training; those between two neighboring sizes make a segment.

    A segment lies in all subsets from the larger size on: one product with the weights of all these, K
    columns each, gives their logits.
    """

    def __init__(self, problem: Problem) -> None:
        orders = torch.from_numpy(problem.orders[:, : problem.sizes[-1]])
        vectors = torch.from_numpy(problem.vectors).float()
        self.classes, self.sizes = problem.n_classes, problem.sizes
        self.origin = vectors[orders[0]].mean(0)  # small numbers round less; it moves the biases alone
        self.rows = vectors[orders] - self.origin  # (R, n, D)
        labels = torch.from_numpy(problem.labels)[orders]
        self.targets = nn.functional.one_hot(labels, self.classes).mT.float()  # (R, K, n)
        self.chance = torch.from_numpy(problem.lacks()).float() * NEVER  # (R, S, K), added to logits
        self.copies = torch.from_numpy(problem.copies())  # (R, S)

    @property
    def segments(self) -> list[tuple[int, int]]:
        return list(itertools.pairwise([0, *self.sizes]))

    def slope(self, weight: Tensor, bias: Tensor, live: Tensor) -> Slope:
        """Return the slope at weight (R, S, K, D) and bias (R, S, K); zero for heads not live (R, S)."""
        found = Slope(bias.new_zeros(live.shape), torch.zeros_like(weight), torch.zeros_like(bias))
        bias = bias + self.chance
        for repeat, lives in enumerate(live):
            for first, (start, stop) in enumerate(self.segments):
                heads = first + lives[first:].nonzero()[:, 0]
                if len(heads):
                    rows, targets = self.rows[repeat, start:stop], self.targets[repeat, :, start:stop]
                    part = _segment(rows, targets, weight[repeat, heads], bias[repeat, heads])
                    for whole, share in zip(found, part, strict=True):
                        whole[repeat].index_add_(0, heads, share)
        return found


def _segment(rows: Tensor, targets: Tensor, weight: Tensor, bias: Tensor) -> Slope:
    """Return the share of rows (n, D) with targets (K, n) in the slope of some heads."""
    logits = (weight.flatten(0, 1) @ rows.T).view(*weight.shape[:2], -1) + bias[:, :, None]
    wrong = logits.log_softmax(1)  # along memory: rows come last
    loss = -(wrong * targets).sum((1, 2))
    wrong = wrong.exp_().sub_(targets)
    return Slope(loss, (wrong.flatten(0, 1) @ rows).view_as(weight), wrong.sum(2))
