"""What a training is made of: labeled pictures, changed versions of them, and how often each comes.

Light: numpy only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labeling.snapshot import Snapshot

Pixels = NDArray[np.uint8]  # (..., R, R, 3)


class Decoded(Protocol):
    """N pictures (R, R, 3) uint8, fetched by row numbers: an array, or pixels.Gathered."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: NDArray[np.int64], /) -> Pixels: ...


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


def pick(pixels: Decoded, snapshot: Snapshot, rows: NDArray[np.int64]) -> Examples:
    """Return the examples of these rows of a snapshot; `pixels` holds all of it."""
    keys = tuple(snapshot.keys[row] for row in rows)
    return Examples(pixels[rows], snapshot.labels[rows], keys)


def as_they_are(examples: Examples) -> Material:
    """Return material of the unchanged pictures, each once an epoch."""
    return Material(examples.pixels[None], examples.labels, np.arange(len(examples.labels)), enriched=False)


Prepare = Callable[[Examples], Material]
