"""Small networks by name.  They take uint8 pixels as they lie in the cache and normalize them themselves."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from trainer.engine.recipe import Recipe


class Dropout(nn.Module):
    """Dropout that draws from a generator of its own, so that a training repeats whatever else draws."""

    def __init__(self, share: float, generator: torch.Generator) -> None:
        super().__init__()
        self.share = share
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.share == 0:
            return x
        keep = torch.empty(x.shape).bernoulli_(1 - self.share, generator=self.generator)
        return x * keep.to(x) / (1 - self.share)


class Residual(nn.Module):
    """x + body(x)."""

    def __init__(self, *body: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)  # type: ignore[no-any-return]


class Classifier(nn.Module):
    """Pixels (B, H, W, 3) uint8 -> logits (B, K); mean and deviation travel with the weights."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: nn.Module, dropout: Dropout, head: nn.Linear) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(3))
        self.register_buffer("deviation", torch.ones(3))
        self.features = features
        self.dropout = dropout
        self.head = head

    def forward(self, pixels: Tensor) -> Tensor:
        x = (pixels.float() - self.mean) / self.deviation
        x = self.features(x.permute(0, 3, 1, 2))  # NHWC seen as NCHW is channels_last: no copy
        return self.head(self.dropout(x))  # type: ignore[no-any-return]

    def fit_pixels(self, mean: Tensor, deviation: Tensor) -> None:
        """Take the training pictures' mean and deviation per channel, in [0, 255]."""
        self.mean.copy_(mean)
        self.deviation.copy_(deviation.clamp(min=1.0))  # a constant channel must not divide by zero


def build(recipe: Recipe, n_classes: int, generator: torch.Generator) -> Classifier:
    """Return an untrained network; its weights and its dropout are drawn from the generator."""
    with torch.random.fork_rng(devices=[]):  # torch's own first draw is thrown away: leave no trace of it
        features, channels = BUILDERS[recipe.network](recipe.width)
        model = Classifier(features, Dropout(recipe.dropout, generator), nn.Linear(channels, n_classes))
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu", generator=generator)
    nn.init.normal_(model.head.weight, std=channels**-0.5, generator=generator)
    nn.init.zeros_(model.head.bias)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _conv(channels_in: int, channels_out: int, *, pool: bool = False) -> nn.Sequential:
    layers = [
        nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    ]
    return nn.Sequential(*layers, *([nn.MaxPool2d(2)] if pool else []))


def _cnn(width: int) -> tuple[nn.Module, int]:
    """Four 3x3 convolutions, halved thrice, mean over what is left."""
    w = width
    body = [_conv(3, w, pool=True), _conv(w, 2 * w, pool=True), _conv(2 * w, 4 * w, pool=True)]
    return nn.Sequential(*body, _conv(4 * w, 8 * w), nn.AdaptiveAvgPool2d(1), nn.Flatten()), 8 * w


def _resnet9(width: int) -> tuple[nn.Module, int]:
    """The nine-layer residual network of Page 2018, "How to train your ResNet"; width 64 is the original.

    Unlike it, the last pool takes whatever size is left, so that every resolution from 8 pixels up fits.
    """
    w = width
    body = [
        _conv(3, w),
        _conv(w, 2 * w, pool=True),
        Residual(_conv(2 * w, 2 * w), _conv(2 * w, 2 * w)),
        _conv(2 * w, 4 * w, pool=True),
        _conv(4 * w, 8 * w, pool=True),
        Residual(_conv(8 * w, 8 * w), _conv(8 * w, 8 * w)),
    ]
    return nn.Sequential(*body, nn.AdaptiveMaxPool2d(1), nn.Flatten()), 8 * w


BUILDERS: dict[str, Callable[[int], tuple[nn.Module, int]]] = {"cnn": _cnn, "resnet9": _resnet9}
