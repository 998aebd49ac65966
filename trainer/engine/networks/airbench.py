"""The network of the fastest CIFAR-10 trainings: a whitening layer that is never trained, then three groups.

Source: Jordan 2024, "94% on CIFAR-10 in 3.29 seconds on a single GPU" (arXiv 2404.00498), section 3.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainer.engine.recipe import Recipe

WHITENED = 5_000_000  # pixels that whitening looks at: 5,000 pictures of 32x32, as in the paper
FLOOR = 5e-4  # added to each variance, as in the paper: directions that hardly vary are not blown up
SILENT = 1e-6  # share of the largest variance; gray pictures have directions without any, which stay 0:
# in bf16 their filters, up to 45 times larger than the others, would not cancel


class Whitening(nn.Module):
    """2x2 patches -> 24 channels: their principal components at equal variance, largest first, then negated.

    The filters are fitted to pictures, not trained; the bias is trained.  Until then they are noise.
    """

    filters: Tensor  # (24, 3, 2, 2)

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.register_buffer("filters", torch.empty(24, 3, 2, 2).normal_(std=12**-0.5, generator=generator))
        self.bias = nn.Parameter(torch.zeros(24))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.conv2d(x, self.filters, self.bias)

    def fit(self, images: Tensor) -> None:
        """Take the principal components of all patches of normalized pictures (M, 3, R, R)."""
        gram, n = torch.zeros(12, 12, dtype=torch.float64), 0
        for part in images.split(256):  # type: ignore[no-untyped-call]
            patches = part.unfold(2, 2, 1).unfold(3, 2, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 12).double()
            gram, n = gram + (patches.T @ patches).cpu(), n + len(patches)
        variances, directions = (found.flip(-1) for found in torch.linalg.eigh(gram / n))
        scales = (variances + FLOOR).rsqrt() * (variances > SILENT * variances[0])
        components = (directions * scales).T.reshape(12, 3, 2, 2)
        self.filters.copy_(torch.cat([components, -components]))


def spread(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a copy of the pictures (M, R, R, 3), or of evenly spread ones of them where they are many."""
    most = max(1, WHITENED // pictures[0, ..., 0].size)
    return np.array(pictures[:: -(-len(pictures) // most)])


def airbench(recipe: Recipe, generator: torch.Generator) -> tuple[nn.Module, int]:
    """Return (features, channels); width 64 is the original's 64, 256, 256 channels.

    Unlike it, the last pool takes whatever size is left, the head is the one that all networks have, the
    filters are not normalized in each step, the bias of the whitening layer is trained throughout, and the
    norms have a scale of their own.  At 8 pixels the third group does not halve.
    """
    w = recipe.width
    body = [
        *_group(24, w, pool=True),
        *_group(w, 4 * w, pool=True),
        *_group(4 * w, 4 * w, pool=recipe.resolution > 8),
    ]
    features = nn.Sequential(Whitening(generator), nn.GELU(), *body, nn.AdaptiveMaxPool2d(1), nn.Flatten())
    for layer in features:
        if isinstance(layer, nn.Conv2d):
            _draw(layer, generator)
    return features, 4 * w


def _group(before: int, after: int, *, pool: bool) -> list[nn.Module]:
    first, second = (nn.Conv2d(c, after, 3, padding=1, bias=False) for c in (before, after))
    halve = [nn.MaxPool2d(2)] if pool else []
    return [first, *halve, _norm(after), nn.GELU(), second, _norm(after), nn.GELU()]


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, momentum=0.4)  # statistics that follow fast: a training has few steps


def _draw(layer: nn.Conv2d, generator: torch.Generator) -> None:
    """As many filters as there are inputs pass one of them on unchanged; the others are noise."""
    nn.init.kaiming_uniform_(layer.weight, a=5**0.5, generator=generator)
    nn.init.dirac_(layer.weight.data[: layer.in_channels])
