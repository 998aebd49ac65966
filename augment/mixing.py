"""Blends pairs of pictures within a batch; targets (B, K) are blended alike, so that rows still sum to 1."""

import numpy as np
import torch
from torch import Tensor


def mixup(images: Tensor, targets: Tensor, alpha: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return weighted means of each picture (B, R, R, 3) and another one, float32, and of their targets.

    Zhang et al. 2018, "mixup: beyond empirical risk minimization": weights from Beta(alpha, alpha).  Unlike
    its published code, which draws one weight a batch, each pair has its own.
    """
    order, weight = _pairs(len(images), alpha, generator)
    order, weight = order.to(images.device), weight.to(images.device)
    own = weight[:, None, None, None]
    mixed = images.float() * own + images[order].float() * (1 - own)
    return mixed, _blend(targets, order, weight)


def cutmix(
    images: Tensor, targets: Tensor, alpha: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return each picture (B, R, R, 3) with a box pasted in from another one, and their targets by area.

    Yun et al. 2019, "CutMix": the box's share of the area is from Beta(alpha, alpha), its middle anywhere; a
    target counts the pixels that are left.  Unlike the published code, each pair has a box of its own.
    """
    n, height, width = images.shape[:3]
    order, weight = _pairs(n, alpha, generator)
    middle = torch.rand((2, n), generator=generator)
    rows, columns = (
        _stretch(size, (1 - weight).sqrt(), at) for size, at in zip((height, width), middle, strict=True)
    )
    box = (rows[:, :, None] & columns[:, None]).to(images.device)
    order = order.to(images.device)
    left = 1 - box.float().mean((1, 2))
    return torch.where(box[..., None], images[order], images), _blend(targets, order, left)


def _pairs(count: int, alpha: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return (B,) whom each picture is paired with, and (B,) the weight that it keeps itself."""
    order = torch.randperm(count, generator=generator)
    rng = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))  # torch's Beta takes none
    return order, torch.from_numpy(rng.beta(alpha, alpha, count)).float()


def _stretch(size: int, share: Tensor, middle: Tensor) -> Tensor:
    """Return (B, size) bool: the pixels of a stretch of `share` of the size, cut off at the ends."""
    line = torch.arange(size) + 0.5
    return (line - size * middle[:, None]).abs() < size * share[:, None] / 2


def _blend(targets: Tensor, order: Tensor, weight: Tensor) -> Tensor:
    own = weight[:, None].to(targets)
    return targets * own + targets[order] * (1 - own)
