"""One training's moving parts and its single step: gather, change, forward, backward, update."""

import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from augment import batch_specs, mixing
from trainer.engine import fits, losses, optimizers, tuning, weights
from trainer.engine.averaging import Average
from trainer.engine.batches import Stream
from trainer.engine.device import Device
from trainer.engine.fits import Fits
from trainer.engine.inference import autocast
from trainer.engine.material import Material
from trainer.engine.networks import build as networks
from trainer.engine.networks.build import Classifier
from trainer.engine.recipe import Recipe
from trainer.engine.world import ALONE, World

MIX = {"mixup": mixing.mixup, "cutmix": mixing.cutmix}


class Stepper:
    """A model in training.  Every draw comes from one generator, so `state` holds all that has to be kept.

    A batch that does not fit into memory is cut into pieces whose gradients add up to those of the whole
    (batch statistics are then those of a piece); how many it took is remembered in `fits`.
    """

    def __init__(
        self,
        material: Material,
        recipe: Recipe,
        n_classes: int,
        *,
        seed: int,
        device: Device,
        remembered: Fits | None = None,
        world: World = ALONE,
        weights: Path | None = None,
    ) -> None:
        self._recipe = recipe
        self._device = device
        self._world = world
        self._fits = remembered or Fits()
        self._fits_device = device.name.split(":")[0]  # cards of one kind: a shared training cuts alike
        self._pieces = self._fits.recall(recipe, self._fits_device)
        self.generator = torch.Generator().manual_seed(seed)
        self._loss = losses.build(recipe, _counts(material, n_classes), device.name)
        self.began: dict[str, object] = {}  # what it started from, for the receipt
        self.model = self._fresh_model(material, n_classes, weights)
        self._trained = world.wrap(self.model)
        self._optimizer = optimizers.build(self.model, recipe)
        self._average = Average(self.model, recipe.ema) if recipe.ema else None
        spec = batch_specs.NAMED.get(recipe.policy or "")
        self._source = Stream(material, recipe.batch, device, self.generator, spec)
        world.check_batch(self._source.size)

    def step(self, rate: float) -> Tensor:
        """Take one step at this learning rate; return (loss, accuracy) of its batch, left on the device."""
        optimizers.set_rate(self._optimizer, rate)
        images, targets = self._world.share(*self._next_batch())
        before = self.generator.get_state()
        while True:
            try:
                return self._learn(images, targets)
            except (RuntimeError, MemoryError) as error:
                if not fits.is_out_of_memory(error):
                    raise
            self.generator.set_state(before)
            self._halve(len(images))

    def weights(self) -> dict[str, Tensor]:
        """Return the state that predicts: the averaged one where the recipe asks for it."""
        return self._average.weights() if self._average else self.model.state_dict()

    def state(self) -> dict[str, Any]:
        """Return all that decides about the next step."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "average": self._average.state() if self._average else None,
            "source": self._source.state(),
            "generator": self.generator.get_state(),
            "torch": torch.get_rng_state(),  # backbones of other libraries draw from it
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken: the next step gives the same bits."""
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        if self._average:
            self._average.resume(state["average"])
        self._source.resume(state["source"])
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["torch"])

    def _fresh_model(self, material: Material, n_classes: int, path: Path | None) -> Classifier:
        model = networks.build(self._recipe, n_classes, self.generator)
        model.fit(material.bank[0])
        if self._recipe.weights is not None:
            self._start(model, path)
        model.lay_out(channels_last=self._device.channels_last)
        model.to(self._device.name)
        if self._recipe.tuning != "full":
            self.began["probe"] = asdict(
                tuning.probe(model, material, self._recipe, device=self._device, loss=self._loss)
            )
        return model

    def _start(self, model: Classifier, path: Path | None) -> None:
        start = weights.begin(model, self._recipe, path)
        if start is not None:
            self.began["weights"] = start.to_json()
            if start.moments is not None:
                model.fit_pixels(*start.moments)

    def _next_batch(self) -> tuple[Tensor, Tensor]:
        """Return the next pictures, changed as the recipe says, and their soft targets (B, K)."""
        images, labels = next(self._source)
        targets = losses.soft(labels, self.model.head.out_features, self._recipe.label_smoothing)
        if self._recipe.mixing is not None:
            mix = MIX[self._recipe.mixing]
            images, targets = mix(images, targets, self._recipe.mixing_alpha, self.generator)
        return images, targets

    def _learn(self, images: Tensor, targets: Tensor) -> Tensor:
        if not self.model.training:  # asking every layer takes 30 us a step
            self._trained.train()
        self._optimizer.zero_grad(set_to_none=True)
        seen = sum(self._backward(*piece, len(images)) for piece in self._cut(images, targets))
        self._optimizer.step()
        if self._average:
            self._average.update(self.model)
        return self._world.mean(torch.as_tensor(seen))

    def _cut(self, images: Tensor, targets: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        size = math.ceil(len(images) / self._pieces)
        return zip(torch.split(images, size), torch.split(targets, size), strict=True)

    def _backward(self, images: Tensor, targets: Tensor, batch: int) -> Tensor:
        """Add the gradients of a piece; return its share of (loss, accuracy)."""
        with autocast(self._device):
            logits = self._trained(images)
        share = len(images) / batch
        loss = self._loss(logits.float(), targets) * share
        whole = loss + share * self._recipe.l1 * losses.l1(self.model) if self._recipe.l1 else loss
        whole.backward()  # type: ignore[no-untyped-call]
        right = (logits.detach().argmax(1) == targets.argmax(1)).float().mean()
        return torch.stack([loss.detach(), share * right])

    def _halve(self, batch: int) -> None:
        self._optimizer.zero_grad(set_to_none=True)
        self._pieces = fits.halved(self._pieces, batch, self._recipe, self._fits_device)
        self._fits.remember(self._recipe, self._fits_device, self._pieces)
        if self._world.size > 1:  # the others wait for a gradient that this process will not send
            raise fits.Halved
        if self._device.name.startswith("cuda"):
            torch.cuda.empty_cache()


def _counts(material: Material, n_classes: int) -> NDArray[np.int64]:
    """Return how often each class is drawn in an epoch."""
    return np.bincount(material.labels[material.rows], minlength=n_classes)
