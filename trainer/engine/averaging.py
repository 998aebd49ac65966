"""Weights averaged over the last steps: steadier than the last ones alone."""

from typing import Any

import torch
from torch import Tensor, nn


class Average:
    """An exponential moving average of a model's floating-point state, batch statistics included.

    After t steps the decay is min(decay, (1 + t) / (10 + t)): without it the random start weighs on short
    trainings.  Source: Polyak & Juditsky 1992; the ramp as in TensorFlow's ExponentialMovingAverage.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        self._steps = 0
        self._mean = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        self._steps += 1
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                self._mean[name].lerp_(tensor, 1 - decay)
            else:
                self._mean[name].copy_(tensor)

    def weights(self) -> dict[str, Tensor]:
        """Return the averaged state, by the names of the model's own."""
        return self._mean

    def state(self) -> dict[str, Any]:
        return {"steps": self._steps, "mean": self._mean}

    def resume(self, state: dict[str, Any]) -> None:
        self._steps = state["steps"]
        for name, tensor in state["mean"].items():
            self._mean[name].copy_(tensor)
