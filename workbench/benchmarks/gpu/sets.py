"""The two public sets of pictures that trainings are compared on, read from a folder: nothing is fetched."""

import gzip
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data"  # beside the checkout
IMAGES, LABELS = "{}-images-idx3-ubyte.gz", "{}-labels-idx1-ubyte.gz"
HEADER = {"images": 16, "labels": 8}  # bytes, of the IDX format
BATCHES = [f"data_batch_{number}" for number in range(1, 6)]

Pixels = NDArray[np.uint8]  # (N, R, R, 3)


class Pictures(NamedTuple):
    pixels: Pixels
    labels: NDArray[np.int64]  # (N,)


class Set(NamedTuple):
    known: Pictures
    unseen: Pictures


def fashion(folder: Path | None) -> Set | None:
    """Return Fashion-MNIST from its four IDX files, in the folder or in `fashion-mnist` there, or None."""
    place = _place(folder, "fashion-mnist", IMAGES.format("train"))
    return None if place is None else Set(_idx(place, "train"), _idx(place, "t10k"))


def cifar(folder: Path | None) -> Set | None:
    """Return CIFAR-10 from `cifar-10-batches-py`, the folder itself or one in it; None without."""
    place = _place(folder, "cifar-10-batches-py", BATCHES[0])
    if place is None:
        return None
    parts = [_batch(place / name) for name in BATCHES]
    known = Pictures(*(np.concatenate(each) for each in zip(*parts, strict=True)))
    return Set(known, _batch(place / "test_batch"))


def _place(folder: Path | None, name: str, holds: str) -> Path | None:
    folder = folder or BESIDE
    return next((place for place in (folder, folder / name) if (place / holds).is_file()), None)


def _idx(place: Path, part: str) -> Pictures:
    labels = np.frombuffer(_unpacked(place / LABELS.format(part)), np.uint8, offset=HEADER["labels"])
    gray = np.frombuffer(_unpacked(place / IMAGES.format(part)), np.uint8, offset=HEADER["images"])
    side = round((len(gray) / len(labels)) ** 0.5)
    return Pictures(gray.reshape(-1, side, side, 1).repeat(3, 3), labels.astype(np.int64))


def _unpacked(path: Path) -> bytes:
    with gzip.open(path) as file:
        return file.read()


def _batch(path: Path) -> Pictures:
    with path.open("rb") as file:
        found = _Arrays(file, encoding="bytes").load()
    planes = np.asarray(found[b"data"], np.uint8).reshape(-1, 3, 32, 32)
    return Pictures(
        np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), np.asarray(found[b"labels"], np.int64)
    )


class _Arrays(pickle.Unpickler):
    """Reads arrays alone: a pickle could run any code."""

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] == "numpy" and name in _ALLOWED:
            return _ALLOWED[name]
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of pictures")


_ALLOWED: dict[str, Callable[..., Any]] = {
    "_reconstruct": np.zeros(0).__reduce__()[0],  # type: ignore[dict-item]
    "ndarray": np.ndarray,
    "dtype": np.dtype,
}
