"""A linear classifier on fixed vectors, solved instead of trained: no learning rate, nothing drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from labeling.progress import Progress, Report, silent
from trainer.engine.losses import Loss

Vectors = NDArray[np.floating]  # (N, D)
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # times half the sum of squared weights, on standardized vectors
HELD_OUT = 5  # every fifth picture of a class chooses among them
STEPS = 200  # of L-BFGS at most; 40 to 90 were seen to do


@dataclass(frozen=True, eq=False)
class Probe:
    """logits = vectors @ weight.T + bias."""

    weight: NDArray[np.float32]  # (K, D)
    bias: NDArray[np.float32]  # (K,)
    penalty: float  # the chosen one
    held_out_accuracy: float  # of the fold that chose it; optimistic, because it chose
    held_out: int  # pictures of that fold

    def predict(self, vectors: Vectors) -> NDArray[np.float32]:
        """Return (M, K) probabilities of vectors (M, D)."""
        logits = torch.from_numpy(vectors.astype(np.float32) @ self.weight.T + self.bias)
        return logits.double().softmax(1).float().numpy()


def fit(
    vectors: Vectors,
    targets: Tensor,
    *,
    pictures: NDArray[np.int64] | None = None,
    loss: Loss = nn.functional.cross_entropy,
    penalties: Sequence[float] = PENALTIES,
    device: str = "cpu",
    report: Report = silent,
) -> Probe:
    """Return the linear classifier with the least loss on N vectors and their soft targets (N, K).

    Multinomial logistic regression by default.  The L2 penalty is the one with the least loss on every fifth
    picture of each class; then all vectors are used.  `pictures` (N,) tells which vectors are of the same
    picture: they choose together.  `device` is where the loss keeps what it knows.
    Raises ValueError where the shapes do not fit, or for one class only.
    """
    x = torch.from_numpy(np.ascontiguousarray(vectors, dtype=np.float32)).to(device)
    targets = targets.to(device)
    classes = targets.argmax(1).cpu()
    if x.ndim != 2 or len(x) != len(targets) or int(classes.min()) == int(classes.max()):
        raise ValueError(
            f"got vectors {tuple(x.shape)} and targets {tuple(targets.shape)}; two classes are needed"
        )
    mean, deviation = x.mean(0), x.std(0, unbiased=False).clamp(min=1e-6)
    x = (x - mean) / deviation
    pictures = np.arange(len(x)) if pictures is None else pictures
    chooses = _every_fifth(classes, pictures)
    held_out = len(np.unique(pictures[chooses.numpy()]))
    chosen = _choose(x, targets, chooses.to(device), loss, penalties, report)
    layer = _solve(x, targets, loss, chosen.penalty)
    weight = layer.weight / deviation
    bias = layer.bias - weight @ mean
    return Probe(weight.cpu().numpy(), bias.cpu().numpy(), chosen.penalty, chosen.accuracy, held_out)


class _Choice(NamedTuple):
    loss: float
    accuracy: float
    penalty: float


def _choose(
    x: Tensor, targets: Tensor, chooses: Tensor, loss: Loss, penalties: Sequence[float], report: Report
) -> _Choice:
    """Return the penalty with the least loss on the choosing rows, solved on the others."""
    found = []
    for done, penalty in enumerate(penalties):
        report(Progress("solving the head", done, len(penalties) + 1))
        logits = _solve(x[~chooses], targets[~chooses], loss, penalty)(x[chooses])
        right = (logits.argmax(1) == targets[chooses].argmax(1)).float().mean()
        found.append(_Choice(float(loss(logits, targets[chooses])), float(right), penalty))
    return min(found)


class _Layer(NamedTuple):
    weight: Tensor  # (K, D)
    bias: Tensor  # (K,)

    def __call__(self, x: Tensor) -> Tensor:
        return x @ self.weight.T + self.bias


def _every_fifth(classes: Tensor, pictures: NDArray[np.int64]) -> Tensor:
    """Say of each vector whether it chooses the penalty: (N,) bool, at least one, never all."""
    chosen: set[int] = set()
    for label in range(int(classes.max()) + 1):
        of_class = np.unique(pictures[(classes == label).numpy()])
        chosen.update(of_class[HELD_OUT - 1 :: HELD_OUT].tolist())
    if not chosen:  # fewer than five pictures of every class
        chosen = {int(pictures.max())}
    return torch.from_numpy(np.isin(pictures, list(chosen)))


def _solve(x: Tensor, targets: Tensor, loss: Loss, penalty: float) -> _Layer:
    """Return the layer with the least loss + penalty / 2 * |weight|^2, from zero by L-BFGS."""
    classes, here = targets.shape[1], x.device
    layer = _Layer(
        torch.zeros(classes, x.shape[1], device=here, requires_grad=True),
        torch.zeros(classes, device=here, requires_grad=True),
    )
    solver = torch.optim.LBFGS(layer, max_iter=STEPS, line_search_fn="strong_wolfe")

    def cost() -> Any:
        solver.zero_grad()
        value = loss(layer(x), targets) + penalty / 2 * layer.weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    solver.step(cost)  # type: ignore[no-untyped-call]
    return _Layer(layer.weight.detach(), layer.bias.detach())
