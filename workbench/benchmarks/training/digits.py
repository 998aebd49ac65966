"""Pictures that every machine has: scikit-learn's digits, enlarged, in colors, on a noisy ground."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

from workbench.benchmarks.images.photographs import photograph

SIDE = 32
PEOPLE = 1200  # digits to train on; the other 597, written by other people, measure
LEAST, MOST = 256, 500  # pixels a side of a photograph
GROUNDS = 12  # noises that photographs are taken from, each moved at random: they join at their edges
QUALITY = 90  # of the JPEG


class Pictures(NamedTuple):
    files: list[Path]
    keys: list[str]
    labels: NDArray[np.int64]  # (N,) in [0, 10)


Draw = Callable[[NDArray[np.float64], np.random.Generator], Image.Image]
"""One digit of (8, 8) ink in [0, 16] -> a picture of it, in some color on some ground."""


def write(folder: Path, count: int, *, test: bool) -> Pictures:
    """Write PNG files of 32 x 32 pixels, drawn from the training digits or from the test digits."""
    return _write(folder, count, test, _small, "png")


def write_photographs(folder: Path, count: int, *, test: bool) -> Pictures:
    """Write JPEG files of 256 to 500 pixels a side: a digit before noise of photographs' spectrum."""
    grounds = [photograph(MOST, MOST, seed) for seed in range(GROUNDS)]
    return _write(folder, count, test, lambda ink, rng: _large(ink, grounds, rng), "jpg")


def _write(folder: Path, count: int, test: bool, draw: Draw, ending: str) -> Pictures:
    rng = np.random.default_rng(int(test))
    folder.mkdir()
    digits = load_digits()
    chosen = rng.integers(PEOPLE, len(digits.target), count) if test else rng.integers(0, PEOPLE, count)
    files = [folder / f"{number}.{ending}" for number in range(count)]
    for file, place in zip(files, chosen, strict=True):
        draw(digits.images[place], rng).save(file, quality=QUALITY)
    return Pictures(files, [f"{folder.name}/{file.name}" for file in files], digits.target[chosen])


def _small(ink: NDArray[np.float64], rng: np.random.Generator) -> Image.Image:
    side = int(rng.integers(20, SIDE + 1))
    mask = _placed(ink, side, (SIDE, SIDE), rng)
    ground, color = rng.integers(0, 120, 3), rng.integers(100, 256, 3)
    seen = ground + mask * (color - ground) + rng.normal(0, 30, (SIDE, SIDE, 3))
    return Image.fromarray(np.clip(seen, 0, 255).astype(np.uint8))


def _large(
    ink: NDArray[np.float64], grounds: list[NDArray[np.uint8]], rng: np.random.Generator
) -> Image.Image:
    height, width = rng.integers(LEAST, MOST + 1, 2).tolist()
    whole = np.roll(grounds[rng.integers(len(grounds))], tuple(rng.integers(0, MOST, 2)), (0, 1))
    ground, color = whole[:height, :width] * 0.3, rng.integers(100, 256, 3)
    side = int(min(height, width) * rng.uniform(0.85, 1))
    mask = _placed(ink, side, (height, width), rng)
    return Image.fromarray(np.clip(ground + mask * (color - ground), 0, 255).astype(np.uint8))


def _placed(
    ink: NDArray[np.float64], side: int, size: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the ink, enlarged to side x side and put anywhere, as shares (height, width, 1)."""
    large = Image.fromarray((ink * (255 / 16)).astype(np.uint8)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    mask = np.zeros((*size, 1))
    top, left = rng.integers(0, size[0] - side + 1), rng.integers(0, size[1] - side + 1)
    mask[top : top + side, left : left + side, 0] = np.asarray(large) / 255
    return mask
