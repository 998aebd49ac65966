"""A training's state on disk, so that one that was killed goes on where it was and ends the same."""

import hashlib
import json
import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainer.engine.material import Material
from trainer.engine.recipe import Recipe


class Checkpoint:
    """One file that holds the newest state; written whole or not at all, at most once in `every_s` seconds.

    It belongs to one training: the state of another (material, recipe, seed) is not taken up.
    """

    def __init__(
        self, file: Path, *, every_s: float = 20.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.file = file
        self._every_s = every_s
        self._clock = clock
        self._written_at = clock()

    def load(self, identity: str) -> dict[str, Any] | None:
        """Return the state that was saved last under this identity, or None."""
        try:
            kept = torch.load(self.file, map_location="cpu", weights_only=True)
        except (OSError, EOFError, RuntimeError, pickle.UnpicklingError):
            return None  # none, or damaged: then the training begins anew
        return dict(kept["state"]) if kept["identity"] == identity else None

    def is_due(self) -> bool:
        return self._clock() - self._written_at >= self._every_s

    def save(self, identity: str, state: dict[str, Any]) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        draft = self.file.with_suffix(f".{os.getpid()}.draft")
        try:
            with draft.open("wb") as out:
                torch.save({"identity": identity, "state": state}, out)
                out.flush()
                os.fsync(out.fileno())
            draft.replace(self.file)
        finally:
            draft.unlink(missing_ok=True)
        self._written_at = self._clock()

    def remove(self) -> None:
        self.file.unlink(missing_ok=True)


def identity(material: Material, recipe: Recipe, seed: int, n_classes: int, began: object = None) -> str:
    """Return a digest of everything that decides how a training goes; `began` says what it started from."""
    facts = [recipe.to_json(), seed, n_classes, list(material.bank.shape), began]
    digest = hashlib.blake2b(json.dumps(facts).encode())
    for array in (material.labels, material.rows, material.bank):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
