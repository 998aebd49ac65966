"""Pictures that every machine has: scikit-learn's digits, enlarged, in colors, on a noisy ground."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

SIDE = 32
PEOPLE = 1200  # digits to train on; the other 597, written by other people, measure


class Pictures(NamedTuple):
    files: list[Path]
    keys: list[str]
    labels: NDArray[np.int64]  # (N,) in [0, 10)


def write(folder: Path, count: int, *, test: bool) -> Pictures:
    """Write PNG files of 32 x 32 pixels, drawn from the training digits or from the test digits."""
    rng = np.random.default_rng(int(test))
    folder.mkdir()
    digits = load_digits()
    chosen = rng.integers(PEOPLE, len(digits.target), count) if test else rng.integers(0, PEOPLE, count)
    files = [folder / f"{number}.png" for number in range(count)]
    for file, place in zip(files, chosen, strict=True):
        _picture(digits.images[place], rng).save(file)
    return Pictures(files, [f"{folder.name}/{file.name}" for file in files], digits.target[chosen])


def _picture(ink: NDArray[np.float64], rng: np.random.Generator) -> Image.Image:
    """Return one digit of (8, 8) ink in [0, 16] in some color on some ground."""
    side = int(rng.integers(20, SIDE + 1))
    large = Image.fromarray((ink * (255 / 16)).astype(np.uint8)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    mask = np.zeros((SIDE, SIDE, 1))
    top, left = rng.integers(0, SIDE - side + 1, 2)
    mask[top : top + side, left : left + side, 0] = np.asarray(large) / 255
    ground, color = rng.integers(0, 120, 3), rng.integers(100, 256, 3)
    seen = ground + mask * (color - ground) + rng.normal(0, 30, (SIDE, SIDE, 3))
    return Image.fromarray(np.clip(seen, 0, 255).astype(np.uint8))
