"""Networks by name.  They take uint8 pixels as they lie in the cache and normalize them themselves."""

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainer.engine import backbones
from trainer.engine.networks.airbench import Whitening, airbench, spread
from trainer.engine.networks.convolutions import cnn, resnet9, resnet18
from trainer.engine.networks.layers import Dropout
from trainer.engine.networks.lstm import lstm
from trainer.engine.networks.vit import vit
from trainer.engine.recipe import TIMM, Recipe


class Classifier(nn.Module):
    """Pixels (B, H, W, 3) in [0, 255] -> logits (B, K); mean and deviation travel with the weights."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: nn.Module, dropout: Dropout, head: nn.Linear) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(3))
        self.register_buffer("deviation", torch.ones(3))
        self.features = features
        self.dropout = dropout
        self.head = head
        self.channels_last = True

    def lay_out(self, *, channels_last: bool) -> None:
        """Say how pictures shall lie in memory inside: NHWC, as they come, or NCHW."""
        self.channels_last = channels_last
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.to(memory_format=layout)  # type: ignore[call-overload]

    def forward(self, pixels: Tensor) -> Tensor:
        return self.head(self.dropout(self.features(self.normalize(pixels))))  # type: ignore[no-any-return]

    def normalize(self, pixels: Tensor) -> Tensor:
        """Return what the features take: (B, 3, H, W), about 0 with deviation 1 a channel."""
        side = pixels.shape[2]
        lines = pixels.float().flatten(2)  # a whole line at a time is 5 times faster than 3 numbers
        x = (lines - self.mean.repeat(side)) / self.deviation.repeat(side)
        x = x.view(pixels.shape).permute(0, 3, 1, 2)  # NHWC seen as NCHW is channels_last: no copy
        return x if self.channels_last else x.contiguous()

    def fit(self, pictures: NDArray[np.uint8]) -> None:
        """Fit to the training pictures (M, R, R, 3) what is fitted before training: moments and whitening."""
        self.fit_pixels(*pixel_moments(pictures))
        for layer in self.features.modules():
            if isinstance(layer, Whitening):
                layer.fit(self.normalize(torch.from_numpy(spread(pictures)).to(self.mean.device)))

    def fit_pixels(self, mean: Tensor, deviation: Tensor) -> None:
        """Take the training pictures' mean and deviation per channel, in [0, 255]."""
        self.mean.copy_(mean)
        self.deviation.copy_(deviation.clamp(min=1.0))  # a constant channel must not divide by zero


Builder = Callable[[Recipe, torch.Generator], tuple[nn.Module, int]]
"""Recipe and generator -> features with all their weights drawn, and how many channels they give."""

BUILDERS: dict[str, Builder] = {
    "cnn": cnn,
    "resnet9": resnet9,
    "resnet18": resnet18,
    "airbench": airbench,
    "vit": vit,
    "lstm": lstm,
}


def build(recipe: Recipe, n_classes: int, generator: torch.Generator) -> Classifier:
    """Return an untrained network; its weights and its dropout are drawn from the generator.

    Call `fit` before training.  "timm:NAME" comes with the weights that trainer.engine.backbones gives it.
    """
    with torch.random.fork_rng(devices=[]):  # torch's own first draw is thrown away: leave no trace of it
        features, channels = _features(recipe, generator)
        model = Classifier(features, Dropout(recipe.dropout, generator), nn.Linear(channels, n_classes))
    nn.init.normal_(model.head.weight, std=channels**-0.5, generator=generator)
    nn.init.zeros_(model.head.bias)
    model.lay_out(channels_last=True)
    return model


def pixel_moments(pictures: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
    """Return mean and deviation per channel of pictures (M, R, R, 3): (3,) each, in [0, 255].

    By counting values: exact, and free of the order in which they are added.
    """
    counts = np.zeros((3, 256))
    for part in np.array_split(pictures, math.ceil(len(pictures) / 1024)):  # bincount takes 8 bytes a pixel
        counts += [np.bincount(part[..., c].ravel(), minlength=256) for c in range(3)]
    shares = counts / counts.sum(1, keepdims=True)
    mean = shares @ np.arange(256)
    deviation = np.sqrt(shares @ np.arange(256) ** 2 - mean**2)
    return torch.from_numpy(mean), torch.from_numpy(deviation)


def _features(recipe: Recipe, generator: torch.Generator) -> tuple[nn.Module, int]:
    if recipe.network.startswith(TIMM):
        return backbones.build_timm(recipe.network.removeprefix(TIMM), recipe.resolution, generator)
    return BUILDERS[recipe.network](recipe, generator)
