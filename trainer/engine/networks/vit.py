"""A small vision transformer: patches as words, no batch statistics."""

import torch
from torch import Tensor, nn

from trainer.engine.networks.layers import Dropout, Residual
from trainer.engine.recipe import Recipe

DEPTH = 6
HEAD = 32  # channels of one attention head
GRID = 8  # patches a side, about: a patch is an eighth of the resolution
LONGEST = 10_000.0  # period base of the positions, as in the first transformer


def vit(recipe: Recipe, generator: torch.Generator) -> tuple[nn.Module, int]:
    """Return (features, channels): the mean over the patches, 8 x width channels rounded up to whole heads.

    Source: Beyer et al. 2022, "Better plain ViT baselines for ImageNet-1k": pre-norm, fixed sine positions,
    mean instead of a class token.  Unlike there, a picture whose side is no multiple of the patch is padded
    with the mean color on the right and below, so that every resolution from 8 pixels up fits.
    """
    channels = -(-8 * recipe.width // HEAD) * HEAD
    blocks = [
        Residual(nn.LayerNorm(channels), part, Dropout(recipe.dropout, generator, over_steps=True))
        for _ in range(DEPTH)
        for part in (Attention(channels), _perceptron(channels))
    ]
    features = nn.Sequential(Patches(recipe.resolution, channels), *blocks, nn.LayerNorm(channels), Mean())
    for layer in features.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, std=layer.weight[0].numel() ** -0.5, generator=generator)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return features, channels


class Patches(nn.Module):
    """(B, 3, R, R) -> (B, T, D): one linear look at each patch, plus where it lies."""

    positions: Tensor  # (1, T, D)

    def __init__(self, resolution: int, channels: int) -> None:
        super().__init__()
        patch = round(resolution / GRID)
        grid = -(-resolution // patch)
        self.resolution = resolution
        self.margin = grid * patch - resolution
        self.embed = nn.Conv2d(3, channels, patch, patch)
        self.register_buffer("positions", sine_positions(grid, channels)[None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if not torch.onnx.is_in_onnx_export() and x.shape[2:] != (self.resolution, self.resolution):
            size = " x ".join(str(int(side)) for side in x.shape[2:])
            raise ValueError(f"this vit takes pictures of {self.resolution} pixels a side, got {size}")
        x = nn.functional.pad(x, (0, self.margin, 0, self.margin))
        return self.embed(x).flatten(2).transpose(1, 2) + self.positions  # type: ignore[no-any-return]


class Attention(nn.Module):
    """Softmax attention of all patches to all (B, T, D) -> (B, T, D); Vaswani et al. 2017, section 3.2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.asked = nn.Linear(channels, 3 * channels)
        self.told = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        # (B, T, 3D) -> three times (B, heads, T, HEAD)
        query, key, value = self.asked(x).unflatten(2, (3, -1, HEAD)).permute(2, 0, 3, 1, 4)
        seen = nn.functional.scaled_dot_product_attention(query, key, value)
        return self.told(seen.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class Mean(nn.Module):
    """(B, T, D) -> (B, D)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1)


def sine_positions(grid: int, channels: int) -> Tensor:
    """Return (grid * grid, channels): sines and cosines of row and column, a quarter of the channels each."""
    rates = LONGEST ** -torch.linspace(0, 1, channels // 4, dtype=torch.float64)
    angles = torch.arange(grid, dtype=torch.float64)[:, None] * rates
    waves = torch.cat([angles.sin(), angles.cos()], 1)  # (grid, channels / 2)
    rows, columns = waves[:, None].expand(-1, grid, -1), waves[None].expand(grid, -1, -1)
    return torch.cat([rows, columns], 2).flatten(0, 1).float()


def _perceptron(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels))
