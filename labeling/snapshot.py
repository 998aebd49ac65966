"""The frozen parcel that goes up: pictures, labels and splits of one dataset at one moment."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Snapshot:
    """N samples, row by row, in the order of their ids; the fingerprint tells changed data."""

    classes: tuple[str, ...]  # K; their order numbers the classes
    ids: NDArray[np.int64]  # (N,) primary keys of Sample
    keys: tuple[str, ...]
    files: tuple[Path, ...]  # absolute
    labels: NDArray[np.int64]  # (N,) class number, -1 where there is no label
    is_test: NDArray[np.bool_]  # (N,)
    groups: tuple[str, ...]  # near-equal pictures share one; no group lies in both splits
    fingerprint: str

    @property
    def train_rows(self) -> NDArray[np.int64]:
        """Rows that may be trained on: labeled, not test."""
        return np.flatnonzero(~self.is_test & (self.labels >= 0))

    @property
    def test_rows(self) -> NDArray[np.int64]:
        """Rows that measure: labeled, test."""
        return np.flatnonzero(self.is_test & (self.labels >= 0))

    @property
    def pool_rows(self) -> NDArray[np.int64]:
        """Rows that wait for a label: unlabeled, not test."""
        return np.flatnonzero(~self.is_test & (self.labels < 0))


def fingerprint(
    classes: Sequence[str], keys: Sequence[str], labels: NDArray[np.int64], is_test: NDArray[np.bool_]
) -> str:
    """Return the SHA-256 of what decides a training and its measure: classes, and labeled or test samples.

    The order of the samples is no matter, nor are unlabeled pool samples.
    """
    counted = np.flatnonzero(is_test | (labels >= 0))
    rows = sorted((keys[r], int(labels[r]), bool(is_test[r])) for r in counted)
    return hashlib.sha256(json.dumps([list(classes), rows]).encode()).hexdigest()


def save(snapshot: Snapshot, path: Path) -> None:
    """Write the snapshot as one .npz file, whole or not at all: work that starts again finds its data."""
    arrays: dict[str, Any] = {name: getattr(snapshot, name) for name in ("ids", "labels", "is_test")}
    arrays["fingerprint"] = np.array(snapshot.fingerprint)
    for name in _TEXTS:
        arrays[name] = np.array([str(text) for text in getattr(snapshot, name)], dtype=str)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.draft")
    with open(draft, "wb") as out:
        np.savez_compressed(out, **arrays)
    draft.replace(path)


def load(path: Path) -> Snapshot:
    """Return the snapshot that `save` wrote."""
    with np.load(path) as kept:
        texts: dict[str, Any] = {name: tuple(kept[name].tolist()) for name in _TEXTS}
        texts["files"] = tuple(Path(file) for file in texts["files"])
        arrays = {name: kept[name] for name in ("ids", "labels", "is_test")}
        return Snapshot(**texts, **arrays, fingerprint=str(kept["fingerprint"]))


_TEXTS = ("classes", "keys", "files", "groups")
