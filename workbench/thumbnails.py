"""Small pictures for grids, made once and kept."""

import io
from pathlib import Path

from PIL import Image

from labeling import images

SIDE = 256  # pixels: twice what a grid cell shows, for sharp screens


def thumbnail(picture: Path, kept: Path) -> bytes:
    """Return the picture shrunk to fit SIDE as WebP, from `kept` where it was made before."""
    if kept.exists():
        return kept.read_bytes()
    with Image.open(picture, formats=images.STORED) as image:
        image.draft("RGB", (SIDE, SIDE))  # JPEG: decodes at 1/2, 1/4 or 1/8 where that is enough
        small = image.convert("RGB")
    small.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    small.save(out, "WEBP", quality=85)
    images.store(out.getvalue(), kept)
    return out.getvalue()
