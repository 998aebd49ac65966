"""Pictures are decoded once per resolution, ever: a shard of uint8 pixels that only grows, found by content.

Two files a resolution and decoder.  `*.pixels` holds the pictures, R * R * 3 bytes each, one after another;
`*.keys` holds the SHA-256 of their content keys, in the same order.  A key is written after its picture is on
the disk, so the keys alone say what is there: what stands behind the last one is the rest of a process that
was killed, and the next one writes over it.  Readers need no lock; writers take turns, a lot each.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labeling import decoding
from labeling.progress import Progress, Report, silent
from trainer.engine.material import Pixels

DECODER = "2"  # part of the shard's name: raise it whenever labeling.decoding gives other pixels
KEY_BYTES = 32
LOT_S = 0.5  # a writer works so long before it writes down what it has and lets the next one in


class Gathered:
    """N pictures of a shard, (N, R, R, 3) uint8: any index of the first axis gives an array of its own."""

    def __init__(self, shard: Pixels, places: NDArray[np.int64]) -> None:
        self._shard = np.asarray(shard)  # (M, R, R, 3), a memmap: only the rows that are asked for are read
        self._places = places  # (N,) row numbers of it

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self._places), *self._shard.shape[1:])

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, rows: int | slice | NDArray[np.int64], /) -> Pixels:
        return self._shard[self._places[rows]]

    def __array__(self, dtype: type | None = None, copy: bool | None = None) -> Pixels:
        return self[:]


def load(
    files: Sequence[Path],
    keys: Sequence[str],
    resolution: int,
    folder: Path,
    *,
    report: Report = silent,
) -> Gathered:
    """Return the pictures decoded to (N, R, R, 3), from the shard in `folder`; new ones are added to it.

    A picture is known by its content key: neither its file nor its place is asked for again.  What report
    raises (Cancelled) ends the work and keeps what was done.  Raises decoding.UnreadablePicture.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _remove_old(folder)
    shard = _Shard(folder, resolution)
    wanted = [hashlib.sha256(key.encode()).digest() for key in keys]
    missing = dict(zip(wanted, files, strict=True))
    while missing := _without(missing, shard.known()):
        report(Progress("decoding", len(files) - len(missing), len(files)))
        shard.grow(missing)
    places = shard.known()
    return Gathered(shard.view(), np.array([places[key] for key in wanted], dtype=np.int64))


def _without(wanted: dict[bytes, Path], known: dict[bytes, int]) -> dict[bytes, Path]:
    return {key: file for key, file in wanted.items() if key not in known}


def _remove_old(folder: Path) -> None:
    """Remove what other decoders left; a process that still reads it keeps it until it ends."""
    for path in [*folder.glob("*.npy"), *folder.glob("*px-decoder*")]:  # decoder 1 wrote .npy files
        if f"px-decoder{DECODER}." not in path.name:
            path.unlink(missing_ok=True)


class _Shard:
    def __init__(self, folder: Path, resolution: int) -> None:
        name = f"{resolution}px-decoder{DECODER}"
        self._side = resolution
        self._size = resolution * resolution * 3  # bytes a picture
        self._pixels = folder / f"{name}.pixels"
        self._keys = folder / f"{name}.keys"
        self._lock = folder / f"{name}.lock"
        self._known: dict[bytes, int] = {}
        self._pixels.touch()
        self._keys.touch()

    def known(self) -> dict[bytes, int]:
        """Return where each picture stands, by the digest of its key; reads on from where it last ended."""
        seen = len(self._known)
        with open(self._keys, "rb") as file:
            file.seek(seen * KEY_BYTES)
            fresh = file.read()
        there = self._pixels.stat().st_size // self._size  # fewer where somebody deleted the file
        for n in range(min(len(fresh) // KEY_BYTES, there - seen)):
            self._known[fresh[n * KEY_BYTES : (n + 1) * KEY_BYTES]] = seen + n
        return self._known

    def view(self) -> Pixels:
        """Return the pictures that are known, read-only."""
        shape = (len(self._known), self._side, self._side, 3)
        return (
            np.memmap(self._pixels, np.uint8, "r", shape=shape) if self._known else np.zeros(shape, np.uint8)
        )

    def grow(self, wanted: dict[bytes, Path]) -> None:
        """Add the pictures that are still missing, as many as LOT_S allows and at least one."""
        with self._alone():
            known = self.known()
            missing = [(key, file) for key, file in wanted.items() if key not in known]
            if made := list(_decoded(missing, self._side)):
                _write(self._pixels, len(known) * self._size, b"".join(pixels for _, pixels in made))
                _write(self._keys, len(known) * KEY_BYTES, b"".join(key for key, _ in made))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the writers' lock; the kernel lets go of it when a process dies."""
        with open(self._lock, "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _decoded(missing: Sequence[tuple[bytes, Path]], side: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield (key, pixels) until LOT_S have passed."""
    until = time.monotonic() + LOT_S
    for key, file in missing:
        yield key, decoding.decode(file, side).tobytes()
        if time.monotonic() > until:
            return


def _write(path: Path, place: int, data: bytes) -> None:
    """Write at a place of the file and wait until it is on the disk; whatever stood behind it is cut off."""
    with open(path, "r+b") as file:
        file.truncate(place)
        file.seek(place)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
