"""Whole batches, gathered on the device that trains."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from augment.batch_specs import BatchSpec
from augment.supply import Supply
from trainer.engine.device import Device
from trainer.engine.material import Material


class Stream:
    """Batches (pixels (B, R, R, 3), labels (B,)) for ever, on the device, changed anew by a batch policy.

    Every epoch is a fresh shuffle of the rows; batches run on across its end, so all have the same size.
    The j-th occurrence of a row in epoch e shows version (e + j) mod C: repeats of a rare picture differ.
    """

    def __init__(
        self,
        material: Material,
        batch: int,
        device: Device,
        generator: torch.Generator,
        spec: BatchSpec | None = None,
    ) -> None:
        self.size = min(batch, len(material.rows))
        self._device = device.name
        self._generator = generator
        bank = torch.from_numpy(np.ascontiguousarray(material.bank)).to(device.name)
        self._versions = len(bank)
        self._supply = Supply(bank.flatten(0, 1), spec)
        self._labels = torch.from_numpy(material.labels).to(device.name)
        self._rows = torch.from_numpy(material.rows)
        self._turns = torch.from_numpy(_occurrences(material.rows))
        self._queue = torch.empty((2, 0), dtype=torch.int64)
        self._epoch = 0

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self

    def __next__(self) -> tuple[Tensor, Tensor]:
        while self._queue.shape[1] < self.size:
            order = torch.randperm(len(self._rows), generator=self._generator)
            fresh = torch.stack([(self._turns[order] + self._epoch) % self._versions, self._rows[order]])
            self._queue, self._epoch = torch.cat([self._queue, fresh], 1), self._epoch + 1
        version, row = self._queue[:, : self.size].to(self._device)
        self._queue = self._queue[:, self.size :]
        return self._supply.batch(version * len(self._labels) + row, self._generator), self._labels[row]

    def state(self) -> dict[str, Any]:
        """Return what, beside the generator's own state, decides about the next batches."""
        return {"queue": self._queue.clone(), "epoch": self._epoch}

    def resume(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._queue, self._epoch = state["queue"], state["epoch"]


def _occurrences(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (M,): how many earlier entries hold the same row number."""
    order = np.argsort(rows, kind="stable")
    ranked = rows[order]
    starts = np.maximum.accumulate(np.where(np.r_[True, ranked[1:] != ranked[:-1]], np.arange(len(rows)), 0))
    turns = np.empty(len(rows), np.int64)
    turns[order] = np.arange(len(rows)) - starts
    return turns
