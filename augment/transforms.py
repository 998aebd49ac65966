"""Changes whole batches of pictures with torch, on the CPU and on CUDA alike.

What happens to each picture is drawn on the CPU from one generator, then moved to where the pictures are: the
same generator gives the same changes on every device.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from augment.batch_specs import BatchSpec

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601: how bright red, green and blue look
LIGHT = ("brightness", "contrast", "saturation")  # those of batch_specs.FINE that move no pixel
_SAME = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
_TO_GRAY = tuple((share,) * 3 for share in LUMA)  # a pixel times this is its gray, thrice


@dataclass(frozen=True)
class Changes:
    """What happens to each of B pictures.

    Whole moves are numbered: `place` = ((down + reach) * (2 reach + 1) + right + reach) * sides + mirrored.
    """

    place: Tensor  # (B,) int64
    reach: int  # the largest move in pixels
    sides: int  # 2 where pictures may be mirrored, else 1
    fine: dict[str, Tensor] = field(default_factory=dict)  # of batch_specs.FINE, those made: (B,) float32
    erase: Tensor | None = None  # (2, B) int64: top and left of the erased square

    @property
    def move(self) -> Tensor:
        """(2, B) int64: pixels down and right that the window moves over the picture."""
        span = 2 * self.reach + 1
        cell = self.place // self.sides
        return torch.stack([cell // span, cell % span]) - self.reach

    @property
    def flip(self) -> Tensor:
        """(B,) int64: 1 where mirrored, before the window moves."""
        return self.place % self.sides


def apply(images: Tensor, spec: BatchSpec, generator: torch.Generator) -> Tensor:
    """Return changed pictures (B, R, R, 3), B >= 1: uint8, or float32 in [0, 255] where the policy blends."""
    return change(images, spec, draw(spec, len(images), images.shape[1], generator))


def draw(spec: BatchSpec, count: int, side: int, generator: torch.Generator) -> Changes:
    """Draw what happens to `count` pictures; all strengths are uniform within the policy's bounds."""
    reach, sides = round(spec.shift * side), 1 + spec.flip
    place = torch.randint((2 * reach + 1) ** 2 * sides, (count,), generator=generator)
    fine = {
        name: (2 * torch.rand(count, generator=generator) - 1) * getattr(spec, name) for name in spec.drawn
    }
    if spec.single:  # Mueller and Hutter 2021: one operation a picture, doing nothing is one of them
        chosen = torch.randint(len(fine) + 1, (count,), generator=generator)
        fine = {name: value * (chosen == number) for number, (name, value) in enumerate(fine.items())}
    square = round(spec.erase * side)
    middle = torch.randint(0, side, (2, count), generator=generator) if square else None
    return Changes(place, reach, sides, fine, None if middle is None else middle - square // 2)


def change(images: Tensor, spec: BatchSpec, changes: Changes) -> Tensor:
    """Return the pictures (B, R, R, 3) uint8 after these changes; see `apply`."""
    if "rotate" in changes.fine or "scale" in changes.fine:
        return recolor(_warp(images, changes), spec, changes)
    moved = _move(images, changes) if changes.reach or changes.sides > 1 else images
    return recolor(moved, spec, changes)


def recolor(images: Tensor, spec: BatchSpec, changes: Changes) -> Tensor:
    """Return pictures (B, R, R, 3) that are moved already in other light and color, a square erased."""
    fine = {name: changes.fine[name].to(images.device) for name in LIGHT if name in changes.fine}
    out = _relight(images, fine) if fine else images
    return out if changes.erase is None else _erase(out, changes.erase, round(spec.erase * images.shape[1]))


def reflect(places: Tensor, size: int) -> Tensor:
    """Return places on an endless line as places in [0, size), mirrored at the outermost pixels' middles."""
    period = max(1, 2 * size - 2)
    places = places % period
    return torch.minimum(places, (period - places) % period)


def copy_of(spec: BatchSpec, originals: NDArray[np.uint8], *, seed: int, copy: int) -> NDArray[np.uint8]:
    """Return one changed copy of each picture (N, R, R, 3), as a training may see it."""
    generator = torch.Generator().manual_seed(seed % 2**32 * 1000 + copy)
    return apply(torch.from_numpy(originals), spec, generator).round().to(torch.uint8).numpy()


def versions() -> dict[str, str]:
    """Return what, beside spec and seed, decides about the pixels."""
    return {"torch": torch.__version__}


def _move(images: Tensor, changes: Changes) -> Tensor:
    """Mirror and move by whole pixels: one gather of 3-byte pixels, nothing is padded and nothing blended."""
    n, side = images.shape[:2]
    down, right = changes.move.to(images.device)[:, :, None]
    flip = changes.flip.to(images.device)[:, None]
    line = torch.arange(side, device=images.device)
    rows, columns = reflect(line + down, side), reflect(line + right, side)
    columns = torch.where(flip == 1, side - 1 - columns, columns)
    first = torch.arange(0, n * side, side, device=images.device)[:, None]
    places = ((first + rows) * side)[:, :, None] + columns[:, None]
    return images.reshape(-1, 3).index_select(0, places.flatten()).view(images.shape)


def _warp(images: Tensor, changes: Changes) -> Tensor:
    """Mirror, move, turn and resize in one bilinear sampling; what lies outside is the mirror image."""
    fine = {name: value.to(images.device) for name, value in changes.fine.items()}
    none = torch.zeros(len(images), device=images.device)
    angle = fine.get("rotate", none).deg2rad()
    size = 1 + fine.get("scale", none)
    down, right = changes.move.to(images.device) * 2 / (images.shape[1] - 1)  # places run from -1 to 1
    across = 1.0 - 2 * changes.flip.to(images.device)
    cosine, sine = angle.cos() / size, angle.sin() / size
    where = torch.stack([across * cosine, -across * sine, across * right, sine, cosine, down], 1)
    planes = images.permute(0, 3, 1, 2).float()
    grid = functional.affine_grid(where.view(-1, 2, 3), list(planes.shape), align_corners=True)
    seen = functional.grid_sample(planes, grid, padding_mode="reflection", align_corners=True)
    return seen.permute(0, 2, 3, 1).contiguous()


def _relight(images: Tensor, fine: dict[str, Tensor]) -> Tensor:
    """Change brightness, then contrast about each picture's mean, then saturation about each pixel's gray.

    By b, c and s, the three make one affine map of a pixel x in a picture of mean m:
    (1 + c) ((1 + s) x - s gray(x)) + 255 b - c m.  Pixels go through it four at a time: a product with a
    12 x 12 matrix takes a third of the time of four with a 3 x 3 one, and a seventh of three steps in turn.
    """
    none = images.new_zeros((), dtype=torch.float32)
    brightness, contrast, saturation = (fine.get(name, none) for name in LIGHT)
    pixels = images.float().flatten(1)
    shift = 255 * brightness - contrast * pixels.mean(1)
    keep, gray = (1 + contrast) * (1 + saturation), (1 + contrast) * saturation
    same, luma = (torch.tensor(values, device=images.device) for values in (_SAME, _TO_GRAY))
    matrix = keep.expand(len(images))[:, None, None] * same - gray.expand(len(images))[:, None, None] * luma
    lot = math.gcd(4, images.shape[1] * images.shape[2])
    tiled = matrix.new_zeros(len(images), lot, 3, lot, 3)
    tiled.diagonal(dim1=1, dim2=3).copy_(matrix[..., None])
    tiled = tiled.view(len(images), 3 * lot, 3 * lot)
    out = torch.baddbmm(shift[:, None, None], pixels.view(len(images), -1, 3 * lot), tiled)
    return out.clamp_(0, 255).view(images.shape)


def _erase(images: Tensor, corner: Tensor, square: int) -> Tensor:
    """Paint a square in the picture's mean color; it may hang over the edge (DeVries and Taylor 2017).

    Unlike the paper, which paints the mean of all pictures: a policy knows nothing of them.
    """
    down, right = corner.to(images.device)[:, :, None]
    line = torch.arange(images.shape[1], device=images.device)
    rows, columns = ((line >= first) & (line < first + square) for first in (down, right))
    color = images.float().mean((1, 2), keepdim=True)
    paint = color.to(images.dtype) if images.is_floating_point() else color.round().to(images.dtype)
    return torch.where((rows[:, :, None] & columns[:, None])[..., None], paint, images)
