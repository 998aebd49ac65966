"""Learns features from pictures alone: VICReg over all pictures outside the test split, labeled or not.

Source: Bardes, Ponce & LeCun 2022, "VICReg: variance-invariance-covariance regularization for self-supervised
learning", equations 1 to 6.  Unlike there, AdamW instead of LARS and a narrow projector, for batches of 64 to
256 small pictures, not 2,048 large ones; both views share one batch normalization.
"""

import json
import math
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from augment import views
from labeling.progress import Progress, Report, silent
from trainer.engine import features, schedules
from trainer.engine.checkpoints import Checkpoint
from trainer.engine.course import Diverged
from trainer.engine.device import Device
from trainer.engine.inference import autocast
from trainer.engine.material import Decoded
from trainer.engine.networks import build as networks
from trainer.engine.networks.build import Classifier
from trainer.engine.pretraining import LEAST_PICTURES, Plan

Rows = NDArray[np.int64]
INVARIANCE, VARIANCE, COVARIANCE = 25.0, 25.0, 1.0  # weights of the three terms, section 4.2 there
EPSILON = 1e-4
SHOWN = 2048  # pictures that a network is fitted to before the first step


class Terms(NamedTuple):
    """The three parts of the loss, unweighted; all fall."""

    invariance: Tensor  # mean squared distance of two views
    variance: Tensor  # in [0, 1]: how far the dimensions' deviations lie below 1, on average; 1 is a collapse
    covariance: Tensor  # of different dimensions, squared

    @property
    def loss(self) -> Tensor:
        return INVARIANCE * self.invariance + VARIANCE * self.variance + COVARIANCE * self.covariance


@dataclass(frozen=True)
class Epoch:
    """Means over one epoch."""

    epoch: int
    loss: float
    invariance: float
    variance: float
    covariance: float


@dataclass(frozen=True)
class Pretrained:
    model: Classifier  # its features and pixel moments are what was learned; its head is noise
    history: tuple[Epoch, ...]


def vicreg(one: Tensor, two: Tensor) -> Terms:
    """Return the terms for two views' embeddings, (B, D) each, B > 1."""
    apart = nn.functional.mse_loss(one, two)
    below, together = [], []
    for embedded in (one, two):
        centered = embedded - embedded.mean(0)
        products = centered.T @ centered / (len(embedded) - 1)  # (D, D)
        deviations = (products.diagonal() + EPSILON).sqrt()
        below.append(nn.functional.relu(1 - deviations).mean() / 2)
        together.append((products.square().sum() - products.diagonal().square().sum()) / len(products))
    return Terms(apart, below[0] + below[1], together[0] + together[1])


def pretrain(
    pixels: Decoded,
    rows: Rows,
    plan: Plan,
    *,
    seed: int,
    device: Device,
    checkpoint: Checkpoint | None = None,
    report: Report = silent,
) -> Pretrained:
    """Learn features from these rows of uint8 pictures (N, R, R, 3); the caller leaves test rows out.

    Deterministic as far as `Device` says.  What is random in an epoch follows from (seed, epoch) alone, so
    that a training that goes on from its checkpoint gives the same weights as an unbroken one.
    Raises ValueError for too few pictures, Diverged, and whatever report raises (Cancelled).
    """
    if len(rows) < LEAST_PICTURES:
        raise ValueError(f"Learning features takes at least {LEAST_PICTURES} pictures, got {len(rows)}.")
    run = _Run(pixels, rows, plan, seed, device)
    history = run.resume(checkpoint)
    for epoch in range(len(history), plan.epochs):
        history.append(run.one_epoch(epoch))
        _check(history[-1], plan)
        if checkpoint and checkpoint.is_due():
            checkpoint.save(run.identity, run.state(history))
        values = {"loss": history[-1].loss, "variance": history[-1].variance}
        report(Progress("learning features", epoch + 1, plan.epochs, values))
    return Pretrained(run.model.cpu().eval(), tuple(history))


class _Run:
    """One pretraining's network, projector and optimizer."""

    def __init__(self, pixels: Decoded, rows: Rows, plan: Plan, seed: int, device: Device) -> None:
        self.pixels, self.rows, self.plan, self.seed, self.device = pixels, rows, plan, seed, device
        generator = torch.Generator().manual_seed(seed)
        self.model = networks.build(plan.recipe, 2, generator)
        self.model.fit(pixels[rows[:: math.ceil(len(rows) / SHOWN)]])
        self.model.lay_out(channels_last=device.channels_last)
        self.model.to(device.name)
        channels = self.model.head.in_features
        self.projector = _projector(channels, plan.projector, generator).to(device.name)
        self.optimizer = self._optimizer()
        self.batch = min(plan.batch, len(rows))

    @property
    def steps(self) -> int:
        """Steps an epoch; the few pictures beyond the last whole batch wait for another epoch's order."""
        return len(self.rows) // self.batch

    def _optimizer(self) -> torch.optim.Optimizer:
        learned = [*self.model.features.parameters(), *self.projector.parameters()]
        decay = [p for p in learned if p.ndim > 1]
        free = [p for p in learned if p.ndim <= 1]
        groups: list[dict[str, Any]] = [
            {"params": decay, "weight_decay": self.plan.weight_decay},
            {"params": free},
        ]
        return torch.optim.AdamW(groups, lr=self.plan.learning_rate, weight_decay=0.0)

    def one_epoch(self, epoch: int) -> Epoch:
        generator = torch.Generator().manual_seed(_epoch_seed(self.seed, epoch))
        self.model.train()
        sums = torch.zeros(4, device=self.device.name)
        with torch.random.fork_rng(devices=[]):  # backbones may draw from torch's own generator (drop path)
            torch.manual_seed(_epoch_seed(self.seed, epoch))
            for step, images in enumerate(self._batches(generator), start=epoch * self.steps + 1):
                rate = schedules.learning_rate(self.plan.recipe, step, self.steps * self.plan.epochs)
                sums += self._one_step(images, rate, generator)
        loss, *terms = (sums / self.steps).tolist()
        return Epoch(epoch + 1, loss, *terms)

    def _batches(self, generator: torch.Generator) -> Iterator[Tensor]:
        order = self.rows[torch.randperm(len(self.rows), generator=generator).numpy()]
        for start in range(0, self.steps * self.batch, self.batch):
            yield torch.from_numpy(self.pixels[order[start : start + self.batch]]).to(self.device.name)

    def _one_step(self, images: Tensor, rate: float, generator: torch.Generator) -> Tensor:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        both = torch.cat([views.view(images, views.SPEC, generator) for _ in range(2)])
        with autocast(self.device):
            embedded = self.projector(features.forward(self.model, both))
        terms = vicreg(*embedded.float().chunk(2))
        self.optimizer.zero_grad(set_to_none=True)
        terms.loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return torch.stack([terms.loss, *terms]).detach()

    @property
    def identity(self) -> str:
        """Say what decides how this pretraining goes; the pictures are the caller's to hold still."""
        return json.dumps([self.plan.to_json(), self.seed, self.rows.tolist()])

    def state(self, history: list[Epoch]) -> dict[str, Any]:
        return {
            "history": [asdict(epoch) for epoch in history],
            "model": self.model.state_dict(),
            "projector": self.projector.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def resume(self, checkpoint: Checkpoint | None) -> list[Epoch]:
        """Take the state of a checkpoint of the same work, if there is one; return its history."""
        kept = checkpoint.load(self.identity) if checkpoint else None
        if kept is None:
            return []
        self.model.load_state_dict(kept["model"])
        self.projector.load_state_dict(kept["projector"])
        self.optimizer.load_state_dict(kept["optimizer"])
        return [Epoch(**values) for values in kept["history"]]


def _epoch_seed(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)


def _projector(channels: int, width: int, generator: torch.Generator) -> nn.Sequential:
    """Three linear layers, the first two normalized; drawn from the generator."""
    with torch.random.fork_rng(devices=[]):  # torch's own first draw is thrown away: leave no trace of it
        layers = [nn.Linear(channels, width), nn.Linear(width, width), nn.Linear(width, width, bias=False)]
        norms = [nn.BatchNorm1d(width), nn.BatchNorm1d(width)]
    for layer in layers:
        nn.init.normal_(layer.weight, std=math.sqrt(2 / layer.in_features), generator=generator)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], norms[0], nn.ReLU(), layers[1], norms[1], nn.ReLU(), layers[2])


def _check(epoch: Epoch, plan: Plan) -> None:
    if not math.isfinite(epoch.loss):
        raise Diverged(
            f"Learning the features diverged in epoch {epoch.epoch}: the loss is {epoch.loss:g}. Lower the"
            f" learning rate (now {plan.learning_rate:g})."
        )


def save(path: Path, learned: Pretrained, plan: Plan) -> None:
    """Write features and pixel moments, with the plan beside them; head and projector are left out."""
    state = learned.model.state_dict()
    tensors = {name: state[name].contiguous() for name in state if not name.startswith("head.")}
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.draft")
    try:
        save_file(tensors, draft, {"plan": json.dumps(plan.to_json())})
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def load(path: Path) -> tuple[Classifier, Plan]:
    """Return the model that `save` wrote, with some head, on the CPU; no code in the file is executed."""
    with safe_open(path, "pt") as kept:
        plan = Plan.from_json(json.loads(kept.metadata()["plan"]))
        tensors = {name: kept.get_tensor(name) for name in kept.keys()}  # noqa: SIM118  # no mapping
    model = networks.build(plan.recipe, 2, torch.Generator().manual_seed(0))
    model.load_state_dict({**model.state_dict(), **tensors})
    return model.eval(), plan
