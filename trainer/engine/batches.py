"""Whole batches, gathered on the device that trains."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.engine.device import Device
from trainer.engine.material import Material


def stream(
    material: Material, batch: int, device: Device, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches (pixels uint8 (B, R, R, 3), labels (B,)) for ever, on the device.

    Every epoch is a fresh shuffle of the rows; batches run on across its end, so all have the same size.
    The j-th occurrence of a row in epoch e shows version (e + j) mod C: repeats of a rare picture differ.
    """
    bank = torch.from_numpy(np.ascontiguousarray(material.bank)).to(device.name)
    labels = torch.from_numpy(material.labels).to(device.name)
    rows = torch.from_numpy(material.rows)
    turns = torch.from_numpy(_occurrences(material.rows))
    size = min(batch, len(rows))
    queue = torch.empty((2, 0), dtype=torch.int64)
    epoch = 0
    while True:
        while queue.shape[1] < size:
            order = torch.randperm(len(rows), generator=generator)
            fresh = torch.stack([(turns[order] + epoch) % len(bank), rows[order]])
            queue, epoch = torch.cat([queue, fresh], 1), epoch + 1
        (version, row), queue = queue[:, :size].to(device.name), queue[:, size:]
        yield bank[version, row], labels[row]


def _occurrences(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (M,): how many earlier entries hold the same row number."""
    order = np.argsort(rows, kind="stable")
    ranked = rows[order]
    starts = np.maximum.accumulate(np.where(np.r_[True, ranked[1:] != ranked[:-1]], np.arange(len(rows)), 0))
    turns = np.empty(len(rows), np.int64)
    turns[order] = np.arange(len(rows)) - starts
    return turns
