"""Softmax losses of all subsets in one go: rows that several subsets share are read once for all of them."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from trainer.engine.heads.problem import Problem


class Slope(NamedTuple):
    """Losses (R, S) of all heads, summed over their rows, and where these fall fastest."""

    loss: Tensor
    weight: Tensor  # (R, S, K, D)
    bias: Tensor  # (R, S, K)


class Packed:
    """The rows of a problem in the order of training, and in which subsets they lie.

    The rows between two neighboring sizes lie in all subsets from the larger one on: one product with the
    weights of all these, K columns each, gives their logits.
    """

    def __init__(self, problem: Problem) -> None:
        vectors = torch.from_numpy(problem.vectors).float()
        labels = torch.from_numpy(problem.labels)
        orders = torch.from_numpy(problem.orders[:, : problem.sizes[-1]])
        self.classes, self.sizes = problem.n_classes, problem.sizes
        # one order's mean for all: a common origin changes no head, and small numbers round less
        self.origin = vectors[orders[0]].mean(0)
        self.rows = vectors[orders] - self.origin  # (R, n, D)
        self.targets = nn.functional.one_hot(labels[orders], self.classes).mT.to(self.rows.dtype).contiguous()

    def slope(self, weight: Tensor, bias: Tensor, active: int) -> Slope:
        """Return the losses of weight (R, S, K, D) and bias (R, S, K); the first `active`... """
        loss, by_weight, by_bias = bias.new_zeros(weight.shape[:2]), torch.zeros_like(weight), torch.zeros_like(bias)
        for repeat, rows in enumerate(self.rows):
            for first, (start, stop) in enumerate(zip([0, *self.sizes], self.sizes, strict=False)):
                if stop <= active: continue
                fresh, target = rows[start:stop], self.targets[repeat, :, start:stop]
                heads = weight[repeat, first:]
                logits = (heads.flatten(0, 1) @ fresh.T).view(len(heads), self.classes, -1) + bias[repeat, first:, :, None]
                said = logits.log_softmax(1)
                loss[repeat, first:] -= (said * target).sum((1, 2))
                wrong = said.exp_() - target
                by_weight[repeat, first:].flatten(0, 1).addmm_(wrong.flatten(0, 1), fresh)
                by_bias[repeat, first:] += wrong.sum(2)
        return Slope(loss, by_weight, by_bias)
