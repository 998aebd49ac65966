"""Pictures are decoded once per resolution, into a cache named by what it holds."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labeling import images
from labeling.progress import Progress, Report, silent
from trainer.engine.material import Pixels

DECODER = "1"  # part of the cache's name: raise it whenever labeling.images.decode gives other pixels


def load(
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
