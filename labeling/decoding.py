"""Fast decoding of stored pictures, for those who decode thousands: simplejpeg where it can, else Pillow.

Apart from images.py, which web processes import.
"""

import io
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import ExifTags, Image

from labeling import images

START_OF_JPEG = b"\xff\xd8\xff"
HALVINGS = (8, 4, 2)  # to the 1/n of a side
EXIF = b"Exif\x00\x00"
EXIF_WITHIN = 2**17  # bytes: a JPEG's EXIF data take 64 KiB at most and stand near its beginning


class UnreadablePicture(Exception):
    """A stored file that holds no picture any more; the message names it, a sentence for a person."""


def decode(path: Path, resolution: int) -> NDArray[np.uint8]:
    """Return a stored picture as RGB (resolution, resolution, 3), upright, squeezed to a square.

    The same look as images.decode.  A JPEG is decoded at 1/2, 1/4 or 1/8 of its size where that is not below
    `resolution`, then shrunk by anti-aliased bilinear.  libjpeg's fast DCT gained nothing there: left off.
    Raises UnreadablePicture.
    """
    try:
        raw = path.read_bytes()
        pixels = _scaled_jpeg(raw, resolution) if _is_upright_jpeg(raw) else None
        if pixels is None:
            return images.decode(io.BytesIO(raw), resolution)
        return images.squeeze(pixels, resolution)
    except FileNotFoundError as error:
        raise UnreadablePicture(f"The stored picture {path} is gone.") from error
    except Exception as error:  # Pillow meets damaged files with errors of many kinds
        raise UnreadablePicture(f"The stored picture {path} cannot be decoded: {error}.") from error


def _is_upright_jpeg(raw: bytes) -> bool:
    """Say whether it is a JPEG that need not be turned; Pillow is asked only where there are EXIF data."""
    if not raw.startswith(START_OF_JPEG):
        return False
    if EXIF not in raw[:EXIF_WITHIN]:
        return True
    with Image.open(io.BytesIO(raw), formats=["JPEG"]) as image:
        return bool(image.getexif().get(ExifTags.Base.Orientation, 1) == 1)


def _scaled_jpeg(raw: bytes, resolution: int) -> Image.Image | None:
    """Return a JPEG decoded at a fraction of its size, or None for Pillow to do it: CMYK and damage.

    Halves alone: libjpeg's 3/8, 5/8, ... have no fast path, and where they round up the size, all is moved.
    """
    try:
        height, width, colors, _ = simplejpeg.decode_jpeg_header(raw)
        if colors in ("CMYK", "YCCK"):
            return None
        fits = [n for n in HALVINGS if min(height, width) >= n * resolution]
        least = {"min_height": -(-height // fits[0]), "min_width": -(-width // fits[0])} if fits else {}
        return Image.fromarray(simplejpeg.decode_jpeg(raw, "RGB", **least))
    except ValueError:
        return None
