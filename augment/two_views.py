"""Views: strongly changed versions of whole batches, for learning features without labels.

Two views of a picture share what it shows and nothing else: place, size, light and color are drawn anew.
Source: Chen et al. 2020, "A simple framework for contrastive learning of visual representations", appendix A.
Unlike there, all changes of color are one affine map per picture (hue turns in YIQ instead of HSV), so that a
batch costs one crop, one 3x3 product and one blur, on the CPU and on CUDA alike.  All strengths are
gentler, for pictures of one object whose color tells something.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

LUMA = (0.299, 0.587, 0.114)
TO_YIQ = (LUMA, (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
MIDDLE = 127.5
BLUR_REACH = 2  # pixels each way: a blur of up to one pixel is all that small pictures bear


@dataclass(frozen=True)
class ViewSpec:
    """How far two views of a picture may lie apart; strengths are 0 where nothing changes."""

    smallest: float = 0.35  # share of the picture's area that a view shows at least
    stretch: float = 4 / 3  # largest ratio of width to height, and its inverse
    flip: bool = True
    brightness: float = 0.3  # largest change, as a share
    contrast: float = 0.3
    saturation: float = 0.3
    hue: float = 0.05  # largest turn, as a share of the color circle
    color_share: float = 0.8  # of the views, whose color changes at all
    gray_share: float = 0.1  # of the views, that lose their color
    blur: float = 1.0  # largest sigma in pixels, of every second view


SPEC = ViewSpec()


def view(images: Tensor, spec: ViewSpec, generator: torch.Generator) -> Tensor:
    """Return one view of each picture: (B, H, W, 3) in [0, 255] -> float32, same shape and range.

    All draws come from the generator, on the CPU, the same number for every batch of this size.
    """
    if images.ndim != 4 or images.shape[3] != 3:
        raise ValueError(f"images must be (B, H, W, 3), got {tuple(images.shape)}")
    grid = _crops(len(images), spec, generator)
    matrix, offset = _colors(len(images), spec, generator)
    kernel = _blurs(len(images), spec, generator)
    x = images.permute(0, 3, 1, 2).float()  # (B, 3, H, W)
    x = _crop(x, grid.to(x.device))
    x = torch.einsum("bij,bjhw->bihw", matrix.to(x.device), x) + offset.to(x.device)[:, :, None, None]
    return _blur(x.clamp(0, 255), kernel.to(x.device)).clamp(0, 255).permute(0, 2, 3, 1)


def _between(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(n, generator=generator)


def _crops(n: int, spec: ViewSpec, generator: torch.Generator) -> Tensor:
    """Return (B, 2, 3) affine maps from view to picture, in grid_sample's [-1, 1]."""
    area = _between(n, spec.smallest, 1, generator)
    bend = torch.exp(_between(n, -math.log(spec.stretch), math.log(spec.stretch), generator) / 2)
    wide, high = (area.sqrt() * bend).clamp(max=1), (area.sqrt() / bend).clamp(max=1)
    x, y = (_between(n, -1, 1, generator) * (1 - side) for side in (wide, high))
    mirror = torch.where(torch.rand(n, generator=generator) < 0.5 * spec.flip, -1.0, 1.0)
    zero = torch.zeros(n)
    rows = torch.stack([wide * mirror, zero, x, zero, high, y], dim=1)
    return rows.view(n, 2, 3)


def _crop(x: Tensor, maps: Tensor) -> Tensor:
    grid = functional.affine_grid(maps, list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _colors(n: int, spec: ViewSpec, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return (B, 3, 3) and (B, 3): the color of a view is matrix @ color + offset."""
    luma, to_yiq = torch.tensor(LUMA), torch.tensor(TO_YIQ)
    light, contrast, vivid = (
        _between(n, 1 - s, 1 + s, generator)[:, None, None]
        for s in (spec.brightness, spec.contrast, spec.saturation)
    )
    angle = 2 * math.pi * _between(n, -spec.hue, spec.hue, generator)
    changed = torch.rand(n, generator=generator) < spec.color_share
    gray = torch.rand(n, generator=generator) < spec.gray_share
    same = torch.eye(3).expand(n, 3, 3)
    toned = luma.expand(3, 3)  # every channel becomes the luma
    matrix = (vivid * same + (1 - vivid) * toned) @ (torch.linalg.inv(to_yiq) @ _turns(angle) @ to_yiq)
    matrix = torch.where(changed[:, None, None], light * contrast * matrix, same)
    matrix = torch.where(gray[:, None, None], toned @ matrix, matrix)
    offset = torch.where(changed, MIDDLE * (1 - contrast[:, 0, 0]), 0.0)
    return matrix, offset[:, None].expand(n, 3)


def _turns(angle: Tensor) -> Tensor:
    """Return (B, 3, 3) turns of the two color axes of YIQ."""
    cos, sin, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    return torch.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], dim=1).view(-1, 3, 3)


def _blurs(n: int, spec: ViewSpec, generator: torch.Generator) -> Tensor:
    """Return (B, 2 * BLUR_REACH + 1) Gaussian weights; every second view stays sharp."""
    sigma = _between(n, 0.1, 1, generator) * spec.blur
    sharp = torch.rand(n, generator=generator) < 0.5
    at = torch.arange(-BLUR_REACH, BLUR_REACH + 1)
    weights = torch.exp(-0.5 * (at / sigma.clamp(min=1e-3)[:, None]) ** 2)
    weights = torch.where((sharp | (sigma == 0))[:, None], (at == 0).float(), weights)
    return weights / weights.sum(dim=1, keepdim=True)


def _blur(x: Tensor, weights: Tensor) -> Tensor:
    """Weigh each picture's neighbors along both axes; the edge goes on as it is."""
    n, channels, height, width = x.shape
    kernel = weights.repeat_interleave(channels, dim=0)[:, None, :, None]  # (B * 3, 1, taps, 1)
    reach = weights.shape[1] // 2
    x = functional.pad(x, [reach] * 4, mode="replicate").view(1, n * channels, height + 2 * reach, -1)
    x = functional.conv2d(x, kernel, groups=n * channels)
    x = functional.conv2d(x, kernel.transpose(2, 3), groups=n * channels)
    return x.view(n, channels, height, width)
