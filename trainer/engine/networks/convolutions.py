"""Convolutional networks of the classic kind: 3x3 filters, batch norm, ReLU.

Each builder returns (features, channels): features take normalized pixels (B, 3, H, W), H = W from 8 up, and
give (B, channels).
"""

import torch
from torch import Tensor, nn

from trainer.engine.networks.layers import Mean, Residual, draw_filters
from trainer.engine.recipe import Recipe

LARGE = 96  # pixels a side from which ResNet-18 halves the picture twice before its first block


def cnn(recipe: Recipe, generator: torch.Generator) -> tuple[nn.Module, int]:
    """Four 3x3 convolutions, halved thrice, mean over what is left.

    Halved before the norm, as in the airbench networks: norm and ReLU then see a quarter of the numbers.
    """
    w = recipe.width
    body = [_halved(3, w), _halved(w, 2 * w), _halved(2 * w, 4 * w)]
    features = nn.Sequential(*body, _conv(4 * w, 8 * w), Mean())
    draw_filters(features, generator)
    return features, 8 * w


def resnet9(recipe: Recipe, generator: torch.Generator) -> tuple[nn.Module, int]:
    """The nine-layer residual network of Page 2018, "How to train your ResNet"; width 64 is the original.

    Unlike it, the last pool takes whatever size is left, so that every resolution from 8 pixels up fits.
    """
    w = recipe.width
    body = [
        _conv(3, w),
        _conv(w, 2 * w, pool=True),
        Residual(_conv(2 * w, 2 * w), _conv(2 * w, 2 * w)),
        _conv(2 * w, 4 * w, pool=True),
        _conv(4 * w, 8 * w, pool=True),
        Residual(_conv(8 * w, 8 * w), _conv(8 * w, 8 * w)),
    ]
    features = nn.Sequential(*body, nn.AdaptiveMaxPool2d(1), nn.Flatten())
    draw_filters(features, generator)
    return features, 8 * w


def resnet18(recipe: Recipe, generator: torch.Generator) -> tuple[nn.Module, int]:
    """The ResNet-18 of He et al. 2016, "Deep residual learning for image recognition"; width 64 is theirs.

    Below 96 pixels its stem is one 3x3 convolution without a pool, as is usual on CIFAR; from 96 up it is
    the original one (7x7 in steps of 2, then a pool), which makes 128 pixels cost what 32 cost.
    """
    w = recipe.width
    stem = [_step(3, w, kernel=7, stride=2), nn.MaxPool2d(3, 2, padding=1)]
    if recipe.resolution < LARGE:
        stem = [_step(3, w)]
    blocks: list[nn.Module] = []
    for before, after in ((w, w), (w, 2 * w), (2 * w, 4 * w), (4 * w, 8 * w)):
        blocks += [Block(before, after, stride=after // before), Block(after, after)]
    features = nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    draw_filters(features, generator)
    return features, 8 * w


class Block(nn.Module):
    """Two convolutions beside a way around them, which is a 1x1 convolution where the shape changes."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        last = [nn.Conv2d(after, after, 3, padding=1, bias=False), nn.BatchNorm2d(after)]
        self.body = nn.Sequential(_step(before, after, stride=stride), *last)
        around = [nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)]
        self.around = nn.Sequential(*(around if before != after else ()))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(self.around(x) + self.body(x))


def _step(before: int, after: int, *, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(after), nn.ReLU(inplace=True))


def _halved(before: int, after: int) -> nn.Sequential:
    layer = nn.Conv2d(before, after, 3, padding=1, bias=False)
    return nn.Sequential(layer, nn.MaxPool2d(2), nn.BatchNorm2d(after), nn.ReLU(inplace=True))


def _conv(before: int, after: int, *, pool: bool = False) -> nn.Sequential:
    return nn.Sequential(*_step(before, after), *([nn.MaxPool2d(2)] if pool else []))
