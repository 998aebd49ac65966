"""How much of a batch fits into memory at once: found by halving, remembered for the next training.

Light: no torch here.
"""

import json
import os
from pathlib import Path

from trainer.engine.recipe import Recipe


class DoesNotFit(Exception):
    """Not even one picture at a time fits; the message says what to make smaller."""


class Halved(Exception):
    """A shared training has to begin again: all processes must cut their batches alike."""


class Fits:
    """Into how many pieces a recipe's batch has to be cut on a device; kept in a small JSON file."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file

    def recall(self, recipe: Recipe, device: str) -> int:
        """Return the pieces that worked last, 1 where nothing is known."""
        return self._read().get(_key(recipe, device), 1)

    def remember(self, recipe: Recipe, device: str, pieces: int) -> None:
        """Write it down, whole or not at all; of two processes at once one wins, which is no harm."""
        if self.file is None:
            return
        known = {**self._read(), _key(recipe, device): pieces}
        self.file.parent.mkdir(parents=True, exist_ok=True)
        draft = self.file.with_suffix(f".{os.getpid()}.draft")
        draft.write_text(json.dumps(known, indent=1))
        draft.replace(self.file)

    def _read(self) -> dict[str, int]:
        try:
            return dict(json.loads(self.file.read_text())) if self.file else {}
        except (FileNotFoundError, ValueError, TypeError):  # a damaged note costs one more halving
            return {}


# oneDNN names no reason where it gets no memory for its code or its scratch; what it does not know at all it
# calls "could not create a primitive descriptor".
ONEDNN_FULL = ("could not create a primitive", "could not execute a primitive")


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that memory ran out, on whatever device."""
    if isinstance(error, MemoryError):
        return True
    words = str(error)
    if words.strip() in ONEDNN_FULL:
        return True
    return "out of memory" in words or "can't allocate memory" in words or "not enough memory" in words


def halved(pieces: int, batch: int, recipe: Recipe, device: str) -> int:
    """Return twice the pieces.  Raises DoesNotFit when one picture a piece was too much already."""
    if pieces >= batch:
        raise DoesNotFit(
            f"This recipe does not fit into the memory of {device}, not even one picture at a time:"
            f" {recipe.network} of width {recipe.width} at {recipe.resolution} pixels. Lower the resolution"
            " or the width, or take a machine with more memory."
        )
    return min(2 * pieces, batch)


def _key(recipe: Recipe, device: str) -> str:
    return f"{device}/{recipe.network}/{recipe.width}/{recipe.resolution}/{recipe.batch}/{recipe.optimizer}"
