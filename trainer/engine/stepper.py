"""One training's moving parts and its single step: gather, change, forward, backward, update."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from augment import batch_specs, mixing, transforms
from trainer.engine import fits, losses, optimizers
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
    ) -> None:
        self._recipe = recipe
        self._device = device
        self._world = world
        self._fits = remembered or Fits()
        self._pieces = self._fits.recall(recipe, device.name)
        self.generator = torch.Generator().manual_seed(seed)
        self.model = self._fresh_model(material, n_classes)
        self._thawed = recipe.tuning != "probe-then-full"
        self._begin("probe" if not self._thawed else recipe.tuning)
        self._loss = losses.build(recipe, _counts(material, n_classes), device.name)
        self._average = Average(self.model, recipe.ema) if recipe.ema else None
        self._source = Stream(material, recipe.batch, device, self.generator)
        world.check_batch(self._source.size)
        self._spec = batch_specs.NAMED.get(recipe.policy or "")

    def thaw(self) -> None:
        """Let the features train too, after a time in which the head learned alone."""
        self._begin("full")
        self._thawed = True

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
            "thawed": self._thawed,
            "optimizer": self._optimizer.state_dict(),
            "average": self._average.state() if self._average else None,
            "source": self._source.state(),
            "generator": self.generator.get_state(),
            "torch": torch.get_rng_state(),  # backbones of other libraries draw from it
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken: the next step gives the same bits."""
        if state["thawed"] and not self._thawed:
            self.thaw()
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        if self._average:
            self._average.resume(state["average"])
        self._source.resume(state["source"])
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["torch"])

    def _fresh_model(self, material: Material, n_classes: int) -> Classifier:
        model = networks.build(self._recipe, n_classes, self.generator)
        model.fit(material.bank[0])
        model.lay_out(channels_last=self._device.channels_last)
        return model.to(self._device.name)

    def _begin(self, tuning: str) -> None:
        """Decide what trains; gradients are then shared among processes, so the wrapping comes after it."""
        self._optimizer = optimizers.build(self.model, replace(self._recipe, tuning=tuning))
        self._trained = self._world.wrap(self.model)

    def _next_batch(self) -> tuple[Tensor, Tensor]:
        """Return the next pictures, changed as the recipe says, and their soft targets (B, K)."""
        images, labels = next(self._source)
        if self._spec is not None:
            images = transforms.apply(images, self._spec, self.generator)
        targets = losses.soft(labels, self.model.head.out_features, self._recipe.label_smoothing)
        if self._recipe.mixing is not None:
            mix = MIX[self._recipe.mixing]
            images, targets = mix(images, targets, self._recipe.mixing_alpha, self.generator)
        return images, targets

    def _learn(self, images: Tensor, targets: Tensor) -> Tensor:
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
        self._pieces = fits.halved(self._pieces, batch, self._recipe, self._device.name)
        self._fits.remember(self._recipe, self._device.name, self._pieces)
        if self._device.name.startswith("cuda"):
            torch.cuda.empty_cache()


def _counts(material: Material, n_classes: int) -> NDArray[np.int64]:
    """Return how often each class is drawn in an epoch."""
    return np.bincount(material.labels[material.rows], minlength=n_classes)
