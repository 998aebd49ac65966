"""Odd picture files, made as the real ones are."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

PIXELS = np.add.outer(np.arange(12) * 8, np.arange(16) * 8).astype(np.uint8)  # (12, 16): a slope
COLORS = np.stack([PIXELS, PIXELS[::-1], 255 - PIXELS], axis=2)


def save(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def rgb(kind: str = "PNG") -> bytes:
    return save(Image.fromarray(COLORS), kind)


def gray(kind: str = "PNG") -> bytes:
    return save(Image.fromarray(PIXELS), kind)


def cmyk() -> bytes:
    return save(Image.fromarray(COLORS).convert("CMYK"), "JPEG")


def gray_16() -> bytes:
    """Brightness from 0 to the full 65,535: everything but the first pixels lies above 255."""
    return save(Image.fromarray(PIXELS.astype(np.uint16) * 257), "PNG")


def gray_16_tiff() -> bytes:
    return save(Image.fromarray(PIXELS.astype(np.uint16) * 257), "TIFF")


def color_16() -> bytes:
    """A PNG of 16 bits a channel, written by hand: Pillow writes none."""
    rows = (COLORS.astype(np.uint16) * 257).astype(">u2")
    return png(16, 12, 16, 2, b"".join(b"\0" + row.tobytes() for row in rows))


def palette() -> bytes:
    return save(Image.fromarray(COLORS).quantize(8), "PNG")


def clear_palette() -> bytes:
    return save(Image.fromarray(COLORS).quantize(8), "PNG", transparency=0)


def transparent() -> bytes:
    alpha = np.zeros((12, 16, 1), dtype=np.uint8)
    alpha[6:] = 255
    return save(Image.fromarray(np.concatenate([COLORS, alpha], axis=2)), "PNG")


def two_levels() -> bytes:
    return save(Image.fromarray(PIXELS > 90), "PNG")


def float_tiff() -> bytes:
    return save(Image.fromarray(PIXELS.astype(np.float32)), "TIFF")


def animated(kind: str) -> bytes:
    frames = [Image.new("RGB", (16, 12), color) for color in ("red", "lime", "blue")]
    return save(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)


def turned() -> bytes:
    """A JPEG that its EXIF data ask to be turned by a quarter: stored 16 x 12, shown 12 x 16."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return save(Image.fromarray(COLORS), "JPEG", exif=exif)


def bomb(width: int = 13_000, height: int = 13_000) -> bytes:
    """A PNG of one bit a pixel that would decode to hundreds of megabytes."""
    return png(width, height, 1, 0, bytes((width + 7) // 8 + 1) * height)


def truncated(kind: str) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = save(Image.fromarray(noise), kind)
    return whole[: len(whole) // 2]


def flipped_byte() -> bytes:
    broken = bytearray(rgb())
    broken[len(broken) // 2] ^= 0xFF
    return bytes(broken)


def svg() -> bytes:
    return (
        b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>'
    )


def eps() -> bytes:
    return save(Image.fromarray(COLORS), "EPS")


def text_bomb() -> bytes:
    """A PNG whose compressed comment unpacks to 200 MB."""
    whole = rgb()
    comment = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000), 1))
    return whole[:33] + comment + whole[33:]


def png(width: int, height: int, depth: int, color: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, raw in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
    return folder
