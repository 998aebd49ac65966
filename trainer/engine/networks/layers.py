"""Pieces that several networks are made of."""

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Dropout that draws from a generator of its own, so that a training repeats whatever else draws.

    `over_steps` is for sequences (B, T, D): one mask (B, 1, D) for all steps, as Gal & Ghahramani 2016,
    "A theoretically grounded application of dropout in recurrent neural networks".  It also draws T times
    fewer numbers, which are drawn on the CPU wherever the network lies.
    """

    def __init__(self, share: float, generator: torch.Generator, *, over_steps: bool = False) -> None:
        super().__init__()
        self.share = share
        self.generator = generator
        self.over_steps = over_steps

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.share == 0:
            return x
        shape = (x.shape[0], 1, x.shape[2]) if self.over_steps else x.shape
        keep = torch.empty(shape).bernoulli_(1 - self.share, generator=self.generator)
        return x * keep.to(x) / (1 - self.share)


class Residual(nn.Module):
    """x + body(x)."""

    def __init__(self, *body: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)  # type: ignore[no-any-return]


class Mean(nn.Module):
    """(B, C, H, W) -> (B, C): each channel's mean over the picture.

    As nn.AdaptiveAvgPool2d(1), whose gradient is one number stretched over the picture: what comes before it
    has to read that in strides, 0.1 ms a step of 64.  Here the gradient lies as the pictures do.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.is_contiguous(memory_format=torch.channels_last):
            return x.permute(0, 2, 3, 1).mean((1, 2))
        return x.mean((2, 3))


def draw_filters(features: nn.Module, generator: torch.Generator) -> None:
    """Draw all convolutions' weights, in the order of the layers, for ReLU (He et al. 2015, by fan-out)."""
    for layer in features.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu", generator=generator)
