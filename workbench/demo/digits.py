"""scikit-learn's handwritten digits as a folder of PNG files, made imbalanced by a stated rule.

Source: the test half of "Optical Recognition of Handwritten Digits" (Alpaydin & Kaynak 1998, UCI), 1,797
pictures of 8 x 8 pixels, as scikit-learn ships them.
"""

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.datasets import load_digits

RARE = (2, 5, 8)
KEEP_ONE_IN = 4
SIDE = 64  # pixels; 8 x 8 is too small for a person to label
RULE = (
    "scikit-learn's handwritten digits (8 x 8 pixels, enlarged to 64 x 64). Made imbalanced on purpose: "
    "of the digits 2, 5 and 8 only every fourth picture was kept."
)


def write(folder: Path) -> Path:
    """Write the pictures that the rule keeps into folder; return the path of their labels.csv."""
    digits = load_digits()
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in kept(digits.target):
        name = f"digit-{number:04d}.png"
        enlarge(digits.images[number]).save(folder / name)
        rows.append((name, str(digits.target[number])))
    table = folder / "labels.csv"
    with table.open("w", newline="") as out:
        csv.writer(out).writerows([("file", "label"), *rows])
    return table


def kept(target: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the rows that stay: all of a common digit, each fourth of a rare one."""
    order = np.zeros(len(target), dtype=int)
    for digit in range(10):
        rows = np.flatnonzero(target == digit)
        order[rows] = np.arange(len(rows))
    return np.flatnonzero(~np.isin(target, RARE) | (order % KEEP_ONE_IN == 0))


def enlarge(ink: npt.NDArray[np.float64]) -> Image.Image:
    """Turn (8, 8) ink in [0, 16] into a picture of SIDE pixels, dark on white as on paper."""
    gray = 255 - np.round(ink * 255 / 16).astype(np.uint8)
    return Image.fromarray(gray).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
