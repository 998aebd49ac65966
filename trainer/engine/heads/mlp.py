"""Networks of one hidden layer, for all subsets of a curve at once: a step is a few batched products."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim.adamw import adamw

from labeling.progress import Progress, Report, silent
from trainer.engine.heads.problem import Floats, Problem, check_asked

HIDDEN = 100
BATCH = 64
LEAST_STEPS = 120
GROWTH = 4.0
RATE = 0.02  # of learning, at its peak
WARM_UP = 0.1  # of the steps
DECAY = 0.25
TELL_EVERY = 50  # steps
NEVER = -1e4  # the logit of a class that a subset lacks, while it learns: no chance, yet finite


def steps(n: int) -> int:
    """Return the steps for n labels, fixed before looking: 120 for up to 129 labels, then 4 n ** 0.7."""
    return max(LEAST_STEPS, round(GROWTH * math.pow(n, 0.7)))


class Layers(NamedTuple):
    """Networks side by side, or what belongs to each of their numbers; P of them."""

    first: Tensor  # (P, D, H)
    first_bias: Tensor  # (P, 1, H)
    last: Tensor  # (P, K, H)
    last_bias: Tensor  # (P, K, 1)


@dataclass(frozen=True, eq=False)
class Mlps:
    """R x S networks: logits = relu(vectors @ first + first_bias) @ last.T + last_bias."""

    layers: Layers  # (R * S, ...)
    shape: tuple[int, int]  # (R, S)

    def logits(self, vectors: Floats) -> NDArray[np.float32]:
        """Return (R, S, M, K) of asked vectors (M, D); raises ValueError where these are not finite."""
        check_asked(vectors, self.layers.first.shape[1])
        x = torch.from_numpy(vectors).float()
        found = []
        for first, first_bias, last, last_bias in zip(*self.layers, strict=True):
            hidden = torch.addmm(first_bias, x, first).relu_()
            found.append(hidden @ last.T + last_bias.T)
        return torch.stack(found).view(*self.shape, len(x), -1).numpy()


def fit(problem: Problem, seeds: NDArray[np.int64], report: Report = silent) -> Mlps:
    """Return a network for each subset, trained with the cross-entropy; seeds (R, S) draw it and its batches.

    AdamW (Loshchilov & Hutter 2019) with a linear warm-up and a cosine to zero.  Subset (r, s) draws from its
    own generator, so that its network is the same, to rounding, whatever is trained beside it.  A class that
    a subset lacks has the logit -inf.  Raises ValueError where seeds do not fit, and what report raises.
    """
    if np.shape(seeds) != problem.shape:
        raise ValueError(f"seeds must be {problem.shape}, got {np.shape(seeds)}")
    training = _Training(problem, seeds)
    for step in range(training.steps):
        if step % TELL_EVERY == 0:
            report(Progress("training the heads", step, training.steps))
        training.step(step)
    return training.trained()


class _Training:
    """All networks, those of large subsets first: what still trains is a prefix, for these train longest."""

    def __init__(self, problem: Problem, seeds: NDArray[np.int64]) -> None:
        repeats, sizes = problem.shape
        self.problem = problem
        self.budgets = [steps(n) for n in problem.sizes][::-1]
        self.steps = self.budgets[0]
        self.vectors = torch.from_numpy(problem.vectors).float()
        self.labels = torch.from_numpy(problem.labels)
        self.places = [(repeat, size) for size in reversed(range(sizes)) for repeat in range(repeats)]
        self.picks = torch.zeros(len(self.places), self.steps, BATCH, dtype=torch.int64)
        width, classes = problem.width, problem.n_classes
        self.shapes = ((width, HIDDEN), (1, HIDDEN), (classes, HIDDEN), (classes, 1))
        # one row a network, so that the optimizer sees one tensor for all networks of a size
        self.values = torch.zeros(len(self.places), sum(math.prod(shape) for shape in self.shapes))
        self.slopes = torch.zeros_like(self.values)
        for at, (repeat, size) in enumerate(self.places):
            self._draw(at, repeat, problem.sizes[size], int(seeds[repeat, size]))
        self.moments = (torch.zeros_like(self.values), torch.zeros_like(self.values))
        self.done = [torch.zeros(()) for _ in self.budgets]  # steps, as the optimizer counts them
        self.repeats = repeats

    def _draw(self, at: int, repeat: int, n: int, seed: int) -> None:
        """Draw weights as Glorot & Bengio 2010 do, and which rows make each batch: every one in turn."""
        generator = torch.Generator().manual_seed(seed)
        drawn = self._layers(self.values[at : at + 1])
        for layer in (drawn.first, drawn.last):
            bound = math.sqrt(6 / sum(layer.shape[1:]))
            layer.uniform_(-bound, bound, generator=generator)
        order = torch.from_numpy(self.problem.orders[repeat, :n])
        drawn.last_bias.fill_(NEVER)[0, self.labels[order]] = 0
        needed = steps(n) * BATCH
        turns = [torch.randperm(n, generator=generator) for _ in range(math.ceil(needed / n))]
        self.picks[at, : steps(n)] = order[torch.cat(turns)[:needed]].view(-1, BATCH)

    def _layers(self, rows: Tensor) -> Layers:
        parts = torch.split(rows, [math.prod(shape) for shape in self.shapes], 1)
        return Layers(*(part.view(-1, *shape) for part, shape in zip(parts, self.shapes, strict=True)))

    def step(self, step: int) -> None:
        active = self.repeats * sum(step < budget for budget in self.budgets)
        rows = self.picks[:active, step]
        batch = self.vectors.index_select(0, rows.flatten()).view(active, BATCH, -1)
        slopes, now = self._layers(self.slopes[:active]), self._layers(self.values[:active])
        hidden = torch.baddbmm(now.first_bias, batch, now.first).relu_()
        # classes before rows: softmax then runs along memory, 20 times faster than over ten neighbors
        wrong = torch.baddbmm(now.last_bias, now.last, hidden.mT).softmax(1)
        wrong.scatter_add_(1, self.labels[rows][:, None], wrong.new_full((), -1.0).expand(active, 1, BATCH))
        wrong /= BATCH
        torch.bmm(wrong, hidden, out=slopes.last)
        torch.sum(wrong, 2, keepdim=True, out=slopes.last_bias)
        back = torch.bmm(wrong.mT, now.last).mul_(hidden.sign_())
        torch.bmm(batch.mT, back, out=slopes.first)
        torch.sum(back, 1, keepdim=True, out=slopes.first_bias)
        for size, budget in enumerate(self.budgets[: active // self.repeats]):
            self._descend(size, rate(step, budget))

    def _descend(self, size: int, learning_rate: float) -> None:
        """Take a step with the networks of one size: each size is at another point of its schedule.

        The function, not the class: this one imports a second of compilers when it is made.
        """
        own = slice(size * self.repeats, (size + 1) * self.repeats)
        first, second = self.moments
        adamw(
            [self.values[own]],
            [self.slopes[own]],
            [first[own]],
            [second[own]],
            [],
            [self.done[size]],
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=learning_rate,
            weight_decay=DECAY,
            eps=1e-8,
            maximize=False,
        )

    def trained(self) -> Mlps:
        repeats, sizes = shape = self.problem.shape
        values = self.values.view(sizes, repeats, -1).flip(0).transpose(0, 1).flatten(0, 1).contiguous()
        layers = self._layers(values)
        layers.last_bias[layers.last_bias < NEVER / 2] = -math.inf
        return Mlps(layers, shape)


def rate(step: int, budget: int) -> float:
    """Return the learning rate of a step, counted from 0, of `budget` steps."""
    warm = max(1, round(WARM_UP * budget))
    if step < warm:
        return RATE * (step + 1) / warm
    return RATE * (1 + math.cos(math.pi * (step - warm) / (budget - warm))) / 2
