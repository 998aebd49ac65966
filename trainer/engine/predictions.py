"""A model's word on test items, kept beside the run so that two runs can be compared item by item.

Light: numpy only.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labeling.snapshot import Snapshot
from trainer.engine import disk

FILE = "predictions.npz"  # in a run's folder


def fingerprint(classes: Sequence[str], keys: Sequence[str], labels: Sequence[int]) -> str:
    """Return the SHA-256 of test items, labels and classes, all in order."""
    return hashlib.sha256(json.dumps([list(classes), list(keys), list(labels)]).encode()).hexdigest()


def fingerprint_of(snapshot: Snapshot) -> str:
    """Return the fingerprint that predictions on the snapshot's test items have."""
    rows = snapshot.test_rows
    return fingerprint(snapshot.classes, [snapshot.keys[row] for row in rows], snapshot.labels[rows].tolist())


@dataclass(frozen=True, eq=False)
class TestPredictions:
    """N test items in the order of the snapshot, K classes."""

    __test__ = False  # pytest: this is no test

    keys: NDArray[np.str_]  # (N,) content keys
    labels: NDArray[np.int64]  # (N,)
    probs: NDArray[np.float32]  # (N, K)
    classes: NDArray[np.str_]  # (K,)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of items, labels and classes: where equal, two runs compare item by item."""
        return fingerprint(self.classes.tolist(), self.keys.tolist(), self.labels.tolist())

    def save(self, path: Path) -> None:
        """Write the file whole or not at all; equal predictions are equal bytes."""
        out = io.BytesIO()
        np.savez(out, **{field.name: getattr(self, field.name) for field in fields(self)})
        disk.write(path, out.getvalue())

    @classmethod
    def load(cls, path: Path) -> TestPredictions:
        with path.open("rb") as file, np.load(file) as kept:  # np.load leaves a damaged file open
            return cls(**{field.name: kept[field.name] for field in fields(cls)})
