"""Pictures that stay on the training device and come out changed, gathered and changed in one go."""

import torch
from torch import Tensor

from augment import transforms
from augment.batch_specs import BatchSpec

ROOM = 2**30  # bytes that the laid out pictures may take; larger ones are changed batch by batch
LOT = 256  # pictures laid out at a time: their indices stay in the cache


class Supply:
    """Resident pictures (N, R, R, 3) uint8, and how they are changed each time they are shown.

    Where a policy moves and mirrors by whole pixels, each picture is laid out once with its edges reflected
    sideways, as it is and mirrored; a changed picture is then R windows of R pixels, copied as they lie.  On
    one CPU core: 2 million pictures of 32 pixels a second, against 0.35 million by transforms.apply; 0.3
    million with other light and color.  It takes 2.5 times the room, and 10 us a picture once.
    """

    def __init__(self, images: Tensor, spec: BatchSpec | None) -> None:
        self._images = images
        self._spec = spec
        whole = spec is not None and not (spec.rotate or spec.scale) and (spec.shift or spec.flip)
        self._planes = _Planes(images, spec) if spec and whole and _room(images, spec) <= ROOM else None

    def batch(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Return the pictures (B, R, R, 3) of these row numbers (B,), changed as by transforms.apply."""
        if self._spec is None:
            return self._images.index_select(0, rows)
        changes = transforms.draw(self._spec, len(rows), self._images.shape[1], generator)
        if self._planes is not None:
            return transforms.recolor(self._planes.windows(rows, changes), self._spec, changes)
        return transforms.change(self._images.index_select(0, rows), self._spec, changes)


class _Planes:
    """Pictures laid out for whole moves: (N, 1 or 2, R, L, 3), L = R + 2 margins; the second one mirrored."""

    def __init__(self, images: Tensor, spec: BatchSpec) -> None:
        side, device = images.shape[1], images.device
        still = transforms.draw(spec, 0, side, torch.Generator())
        line = torch.arange(-still.reach, side + still.reach, device=device)
        columns = transforms.reflect(line, side)
        shape = (len(images), still.sides, side, len(columns), 3)
        laid = torch.empty(shape, dtype=torch.uint8, device=device)
        lines = torch.arange(side, device=device)[:, None] * side  # one gather of 3-byte pixels a lot
        seen = torch.stack([lines + columns, lines + side - 1 - columns][: still.sides]).flatten()
        whole = torch.arange(LOT, device=device)[:, None] * side * side
        places = (whole + seen).flatten()
        for start in range(0, len(images), LOT):
            lot = images[start : start + LOT]
            picked = lot.reshape(-1, 3).index_select(0, places[: len(lot) * len(seen)])
            laid[start : start + LOT] = picked.view(len(lot), *shape[1:])
        self._side = side
        self._step = laid.stride(0)  # bytes from one picture to the next
        # Every stretch of R pixels, from every byte on: a view, it takes no room.
        count = max(0, laid.numel() - 3 * side + 1)
        self._stretches = laid.flatten().as_strided((count, 3 * side), (1, 1))
        down = columns.unfold(0, side, 1) * laid.stride(2)  # (2 margins + 1, R)
        right = torch.arange(2 * still.reach + 1, device=device) * 3
        mirrored = torch.arange(still.sides, device=device) * laid.stride(1)
        starts = down[:, None, None] + right[:, None, None] + mirrored[:, None]
        self._starts = starts.reshape(-1, side).int()  # by Changes.place: where each of the R rows begins

    def windows(self, rows: Tensor, changes: transforms.Changes) -> Tensor:
        picture = (rows * self._step).int()  # ROOM lies below 2^31 bytes; half as wide is a tenth faster
        starts = self._starts.index_select(0, changes.place.to(rows.device)).add_(picture[:, None])
        picked = self._stretches.index_select(0, starts.flatten())
        return picked.view(len(rows), self._side, self._side, 3)


def _room(images: Tensor, spec: BatchSpec) -> float:
    return images.numel() * (1 + 2 * spec.shift) * (1 + spec.flip)
