"""A model's word on test items, kept beside the run so that two runs can be compared item by item.

Light: numpy only.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


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
        """SHA-256 of items, labels and classes, all in order: where equal, two runs compare item by item."""
        facts = [self.classes.tolist(), self.keys.tolist(), self.labels.tolist()]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def save(self, path: Path) -> None:
        np.savez(path, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: Path) -> TestPredictions:
        with np.load(path) as kept:
            return cls(**{field.name: kept[field.name] for field in fields(cls)})
