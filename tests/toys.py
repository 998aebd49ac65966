"""Tiny worlds with a known truth."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SHAPES = ("circle", "square", "triangle")


@dataclass(frozen=True)
class Votes:
    """Noisy opinions of items whose truth is known."""

    truth: NDArray[np.int64]  # (N,) class numbers
    votes: NDArray[np.int64]  # (N, A) what each of A annotators says


def shape(name: str, rng: np.random.Generator, side: int = 24) -> Image.Image:
    """Draw a shape somewhere, in some color, on a noisy ground."""
    image = Image.fromarray(rng.integers(0, 60, (side, side, 3), dtype=np.uint8))
    x, y = rng.integers(1, side // 3, 2).tolist()
    size = int(rng.integers(side // 3, side // 2))
    box = (x, y, x + size, y + size)
    color = tuple(rng.integers(120, 256, 3).tolist())
    draw = ImageDraw.Draw(image)
    if name == "circle":
        draw.ellipse(box, fill=color)
    elif name == "square":
        draw.rectangle(box, fill=color)
    else:
        draw.polygon([(x, y + size), (x + size, y + size), (x + size // 2, y)], fill=color)
    return image


def shape_folder(
    folder: Path, counts: dict[str, int], rng: np.random.Generator, side: int = 24
) -> dict[str, str]:
    """Write class folders of shapes as PNG files; returns the true class by file name."""
    truth = {}
    for name, count in counts.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            file = f"{name}/{number:04d}.png"
            shape(name, rng, side).save(folder / file)
            truth[file] = name
    return truth


def noisy_votes(n: int, annotators: int, classes: int, error: float, rng: np.random.Generator) -> Votes:
    """Let each annotator be wrong with chance `error`, each wrong class alike."""
    truth = rng.integers(0, classes, n)
    wrong = rng.random((n, annotators)) < error
    other = (truth[:, None] + rng.integers(1, classes, (n, annotators))) % classes
    return Votes(truth, np.where(wrong, other, truth[:, None]))


def shape_pixels(n: int, side: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw n shapes as pixels (n, side, side, 3), classes in turn; also their class numbers (n,)."""
    labels = np.arange(n) % len(SHAPES)
    pictures = [np.asarray(shape(SHAPES[label], rng, side)) for label in labels]
    return np.stack(pictures), labels.astype(np.int64)


def scored(
    n: int = 400, k: int = 5, skill: float = 2.0, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return probabilities (n, k) and labels (n,), rare classes first: the more skill, the more are right."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(k, n, p=np.arange(1, k + 1) / (k * (k + 1) / 2))
    logits = rng.normal(size=(n, k)) + skill * np.eye(k)[labels]
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True), labels.astype(np.int64)
