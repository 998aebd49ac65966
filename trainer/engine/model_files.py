"""The files of a trained model: their names, and whether one lies whole on the disk.

Light: a file is read as bytes, never loaded.
"""

import hashlib
import json
from pathlib import Path

WEIGHTS, ONNX = "model.safetensors", "model.onnx"
HEADER_BYTES = 8  # safetensors: the length of the JSON header that follows, little-endian
LONGEST_HEADER = 100_000_000  # bytes, by its specification


class BrokenModel(Exception):
    """A model's file is missing, cut off or altered; the message says to a person which and how."""


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as kept:
        return hashlib.file_digest(kept, "sha256").hexdigest()


def check(path: Path, expected: str) -> None:
    """Raise BrokenModel unless the file holds exactly the bytes whose SHA-256 is `expected`."""
    if not path.is_file():
        raise BrokenModel(f"{_short(path)} is missing.")
    if digest(path) == expected:
        return
    have, whole = path.stat().st_size, _whole_size(path)
    if whole is not None and have < whole:
        raise BrokenModel(f"{_short(path)} is cut off: it has {have:,} of {whole:,} bytes.")
    raise BrokenModel(f"{_short(path)} was altered: its SHA-256 is not the one that was recorded.")


def _whole_size(path: Path) -> int | None:
    """Return how long a safetensors file says that it is; None where it does not say it."""
    try:
        with path.open("rb") as kept:
            length = int.from_bytes(kept.read(HEADER_BYTES), "little")
            if path.name != WEIGHTS or length > LONGEST_HEADER:
                return None
            if length > path.stat().st_size:
                return HEADER_BYTES + length
            header = json.loads(kept.read(length))
        ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
        return HEADER_BYTES + length + max(ends, default=0)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _short(path: Path) -> str:
    """Return the end of a path: "runs/7/1/model.safetensors"."""
    return "/".join(path.parts[-4:])
