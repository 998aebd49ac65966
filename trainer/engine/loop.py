"""The training loop, in the open: material, recipe and seed in; model and history out."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from labeling.progress import Progress, Report, silent
from trainer.engine import batches, schedules
from trainer.engine.device import Device
from trainer.engine.material import Material, Pixels
from trainer.engine.networks import build as networks
from trainer.engine.networks.build import Classifier
from trainer.engine.recipe import Recipe

LOOKS = 40  # points of the history; each reads one number from the device


class Diverged(Exception):
    """The loss left every sensible range; the message says where, and what to change."""


class Step(NamedTuple):
    """The mean over the steps since the last point, on the training batches (changed pictures included)."""

    step: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Trained:
    model: Classifier
    history: tuple[Step, ...]

    @property
    def steps(self) -> int:
        return self.history[-1].step


def train(
    material: Material, recipe: Recipe, n_classes: int, *, seed: int, device: Device, report: Report = silent
) -> Trained:
    """Train from scratch for `recipe.steps(material.n)` steps; no test item is ever seen here.

    Deterministic as far as `Device` says.  Raises Diverged, and whatever report raises (Cancelled).
    """
    _check(material, recipe, n_classes)
    generator = torch.Generator().manual_seed(seed)
    model = networks.build(recipe, n_classes, generator).to(device.name)
    model.fit_pixels(*_pixel_moments(material.bank))
    optimizer = _optimizer(model, recipe)
    source = batches.stream(material, recipe.batch, device, generator)
    steps = recipe.steps(material.n)
    every = math.ceil(steps / LOOKS)
    history: list[Step] = []
    sums = torch.zeros(2, device=device.name)
    for step in range(1, steps + 1):
        _set_rate(optimizer, schedules.learning_rate(recipe, step, steps))
        sums += _one_step(model, optimizer, next(source), smoothing=recipe.label_smoothing, device=device)
        if step % every == 0 or step == steps:
            loss, accuracy = (sums / (step - (history[-1].step if history else 0))).tolist()
            _check_loss(loss, step, steps, recipe, n_classes)
            history.append(Step(step, loss, accuracy))
            report(Progress("training", step, steps, {"loss": loss, "accuracy": accuracy}))
            sums.zero_()
    return Trained(model.eval(), tuple(history))


@torch.inference_mode()
def predict(
    model: Classifier,
    pixels: Pixels,
    device: Device,
    *,
    rows: NDArray[np.int64] | None = None,
    batch: int = 512,
    report: Report = silent,
) -> NDArray[np.float32]:
    """Return (N, K) probabilities that sum to 1, of uint8 pixels (N, R, R, 3) or of these rows of them."""
    model.eval()
    rows = np.arange(len(pixels)) if rows is None else rows
    parts = [torch.zeros(0, model.head.out_features)]
    for start in range(0, len(rows), batch):
        report(Progress("predicting", start, len(rows)))
        images = torch.from_numpy(pixels[rows[start : start + batch]]).to(device.name)
        with _autocast(device):
            logits = model(images)
        parts.append(logits.double().softmax(1).float().cpu())
    return torch.cat(parts).numpy()


def _one_step(
    model: Classifier,
    optimizer: torch.optim.Optimizer,
    batch: tuple[Tensor, Tensor],
    *,
    smoothing: float,
    device: Device,
) -> Tensor:
    """Return (loss, accuracy) of the batch, left on the device."""
    images, labels = batch
    model.train()
    with _autocast(device):
        logits = model(images)
    loss = nn.functional.cross_entropy(logits.float(), labels, label_smoothing=smoothing)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return torch.stack([loss.detach(), (logits.detach().argmax(1) == labels).float().mean()])


def _autocast(device: Device) -> torch.autocast:
    return torch.autocast(device.name.split(":")[0], torch.bfloat16, enabled=device.bf16)


def _optimizer(model: Classifier, recipe: Recipe) -> torch.optim.Optimizer:
    """Weights decay; biases and the scales of the norms do not."""
    kinds = {
        True: [p for p in model.parameters() if p.ndim > 1],
        False: [p for p in model.parameters() if p.ndim <= 1],
    }
    groups = [
        {"params": kinds[True], "weight_decay": recipe.weight_decay},
        {"params": kinds[False], "weight_decay": 0.0},
    ]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate)


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _pixel_moments(bank: Pixels) -> tuple[Tensor, Tensor]:
    """Return mean and deviation per channel of the first version, (3,) each, in [0, 255].

    By counting values: exact, and free of the order in which they are added.
    """
    counts = np.zeros((3, 256))
    for pictures in np.array_split(
        bank[0], math.ceil(bank.shape[1] / 1024)
    ):  # bincount takes 8 bytes a pixel
        counts += [np.bincount(pictures[..., c].ravel(), minlength=256) for c in range(3)]
    shares = counts / counts.sum(1, keepdims=True)
    mean = shares @ np.arange(256)
    deviation = np.sqrt(shares @ np.arange(256) ** 2 - mean**2)
    return torch.from_numpy(mean), torch.from_numpy(deviation)


def _check(material: Material, recipe: Recipe, n_classes: int) -> None:
    if n_classes < 2 or len(np.unique(material.labels)) < 2:
        raise ValueError("a classifier needs examples of at least two classes")
    if material.labels.max() >= n_classes:
        raise ValueError(f"labels must lie in [0, {n_classes}), got {material.labels.max()}")
    if material.enriched != recipe.enriches:
        raise ValueError(
            "a recipe with a policy or rebalancing needs enriched material, and only such a recipe"
        )


def _check_loss(loss: float, step: int, steps: int, recipe: Recipe, n_classes: int) -> None:
    """A guess by chance costs ln K; ten times that is confidently wrong and does not come back."""
    if math.isfinite(loss) and loss <= 10 * math.log(n_classes):
        return
    raise Diverged(
        f"The training diverged: the loss was {loss:.3g} at step {step} of {steps}, where guessing costs"
        f" {math.log(n_classes):.3g}. Lower the learning rate (now {recipe.learning_rate:g}), or raise the"
        f" warm-up (now {recipe.warmup:.0%} of the steps)."
    )
