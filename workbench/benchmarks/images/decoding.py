"""How fast a stored JPEG becomes a training picture."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from labeling import decoding as decoder
from workbench.benchmarks.images.photographs import photograph
from workbench.benchmarks.registry import Outcome, benchmark, in_turn

PICTURES, REPEATS = 100, 7
WIDTH, HEIGHT, SIDE = 500, 375, 64
LEAST_DB = 38.0

Decode = Callable[[Path], NDArray[np.uint8]]


@benchmark(target=1.7)
def decoding() -> Outcome:
    """The peer is Pillow's full decode and anti-aliased bilinear resize, what a Dataset class usually does.

    Pillow could decode at a fraction too (`draft`) and comes near us then; hardly a Dataset does it.  JPEGs
    of 500 x 375, quality 90, noise of photographs' spectrum at 2.7 bits a pixel, to 64 x 64, from files.
    The gate: no picture differs from the peer's by more than 38 dB.
    """
    with tempfile.TemporaryDirectory(prefix="seedbed-bench-") as folder:
        files = [_write(Path(folder, f"{n}.jpg"), n) for n in range(PICTURES)]
        ours, peer = in_turn(
            ("seedbed", lambda: _all(_scaled, files)), ("Pillow", lambda: _all(_whole, files)), REPEATS
        )
        worst = min(map(psnr, _all(_scaled, files), _all(_whole, files)))
    return Outcome(
        ours, peer, gate=bool(worst >= LEAST_DB), because=f"at least {worst:.1f} dB alike", counts="cpu"
    )


def psnr(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Return how alike two pictures are, in dB; infinite where they are equal."""
    error = float(np.square(one.astype(float) - other).mean())
    return 10 * float(np.log10(255**2 / error)) if error else float("inf")


def _write(file: Path, seed: int) -> Path:
    Image.fromarray(photograph(WIDTH, HEIGHT, seed)).save(file, "JPEG", quality=90)
    return file


def _all(decode: Decode, files: list[Path]) -> list[NDArray[np.uint8]]:
    return [decode(file) for file in files]


def _scaled(file: Path) -> NDArray[np.uint8]:
    return decoder.decode(file, SIDE)


def _whole(file: Path) -> NDArray[np.uint8]:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR))
