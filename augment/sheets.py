"""Contact sheets: originals left, changed copies right of them.

Light: numpy and Pillow.
"""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
GAP = 4  # pixels between cells; clear, so that a sheet fits a light page and a dark one
MARGIN = 16  # between the originals and their copies


def draw(originals: Pixels, copies: Sequence[Pixels], side: int) -> bytes:
    """Return a PNG of N rows: originals (N, R, R, 3), then their copies, each of the same shape.

    A cell is `side` pixels wide at most: pictures grow by whole factors, so that each pixel stays what it is.
    """
    factor = max(1, side // originals.shape[1])
    cell = originals.shape[1] * factor
    lefts = [0] + [cell + MARGIN + i * (cell + GAP) for i in range(len(copies))]
    n = len(originals)
    sheet = np.zeros((n * (cell + GAP) - GAP, lefts[-1] + cell, 4), np.uint8)
    for left, column in zip(lefts, [originals, *copies], strict=True):
        grown = column.repeat(factor, axis=1).repeat(factor, axis=2)
        for row in range(n):
            top = row * (cell + GAP)
            sheet[top : top + cell, left : left + cell, :3] = grown[row]
            sheet[top : top + cell, left : left + cell, 3] = 255
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "PNG")
    return file.getvalue()
