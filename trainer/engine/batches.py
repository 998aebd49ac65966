"""From pictures to batches: decode once into a uint8 cache, then gather whole batches on the device."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labeling import images
from labeling.progress import Progress, Report, silent
from trainer.engine.device import Device

Pixels = NDArray[np.uint8]
DECODER = "1"  # part of the cache's name: raise it whenever labeling.images.decode gives other pixels


@dataclass(frozen=True)
class Examples:
    """Labeled pictures at one resolution.  Raises ValueError where the three do not fit together."""

    pixels: Pixels  # (N, R, R, 3)
    labels: NDArray[np.int64]  # (N,) class numbers
    keys: tuple[str, ...]  # (N,) content keys: augmentation is seeded by them

    def __post_init__(self) -> None:
        n = len(self.keys)
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 4 or self.pixels.shape[3] != 3:
            raise ValueError(
                f"pixels must be uint8 (N, R, R, 3), got {self.pixels.dtype} {self.pixels.shape}"
            )
        if not len(self.pixels) == len(self.labels) == n:
            raise ValueError(f"got {len(self.pixels)} pictures, {len(self.labels)} labels and {n} keys")
        if n and self.labels.min() < 0:
            raise ValueError("an example without a label (-1) cannot be trained on")

    def take(self, rows: NDArray[np.int64]) -> Examples:
        """Return the examples of these row numbers, in this order."""
        return Examples(self.pixels[rows], self.labels[rows], tuple(self.keys[i] for i in rows))


@dataclass(frozen=True)
class Material:
    """What one training draws from: one or more versions of each picture, and how often each row comes."""

    bank: Pixels  # (C, N, R, R, 3): C versions; C = 1 holds the pictures as they are
    labels: NDArray[np.int64]  # (N,)
    rows: NDArray[np.int64]  # (M,) row numbers; a rare class's rows may come several times
    enriched: bool  # made by enrichment.enrich

    @property
    def n(self) -> int:
        return len(self.labels)


def as_they_are(examples: Examples) -> Material:
    """Return material of the unchanged pictures, each once an epoch."""
    return Material(examples.pixels[None], examples.labels, np.arange(len(examples.labels)), enriched=False)


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


def load_pixels(
    files: Sequence[Path],
    keys: Sequence[str],
    resolution: int,
    folder: Path,
    *,
    report: Report = silent,
) -> Pixels:
    """Return the pictures decoded to (N, R, R, 3), from the cache in `folder` or freshly written to it.

    The cache is named by what it holds: content keys in order, resolution, decoder.  Read-only memmap: a
    training pages in only the rows that it takes.
    """
    address = hashlib.sha256("\n".join([DECODER, str(resolution), *keys]).encode()).hexdigest()
    path = folder / f"{address}.npy"
    if not path.exists():
        _write_cache(path, files, resolution, report)
    return np.load(path, mmap_mode="r")  # type: ignore[no-any-return]


def _write_cache(path: Path, files: Sequence[Path], resolution: int, report: Report) -> None:
    """Decode into a draft beside `path`, then give it its name: no reader ever sees half a cache."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.draft")
    try:
        shape = (len(files), resolution, resolution, 3)
        pixels = np.lib.format.open_memmap(draft, "w+", np.uint8, shape)  # type: ignore[no-untyped-call]
        for i, file in enumerate(files):
            pixels[i] = images.decode(file, resolution)
            if i % 100 == 0:
                report(Progress("decoding", i, len(files)))
        pixels.flush()
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
