"""Pictures: what a file holds, whether it may come in, and in which form it is stored."""

import hashlib
import io
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

from labeling import duplicates

MAX_PIXELS = 40_000_000  # read from the header, before anything is decoded: 20 KB of PNG can claim 830 MB
MAX_BYTES = 256 * 2**20  # 40 million pixels of 16-bit RGB, uncompressed, fit
SMALL = 32  # side of the thumbnail that the difference hash is taken from
# Pillow's names of the formats that are read, each with the name endings that fit it.  The list is closed:
# left open, Pillow would hand EPS files to Ghostscript.
ENDINGS = {
    "PNG": (".png", ".apng"),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
}
_AVERAGING = Image.Resampling.BILINEAR  # Pillow's is anti-aliased
STORED = ("PNG", "JPEG", "WEBP")  # what browsers show: kept byte for byte where nothing had to change


class RefusedPicture(Exception):
    """The file cannot come in; the message is the reason, a sentence for a person."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture as it is stored."""

    key: str  # SHA-256 of the file's bytes, in hex
    width: int  # pixels, as stored
    height: int
    data: bytes  # what to store: the file's own bytes where they are plain, else a PNG of the same look
    suffix: str  # of the stored file, e.g. ".png"
    notes: tuple[str, ...]  # what was changed or is worth a look, in sentences
    small: NDArray[np.uint8]  # (SMALL, SMALL, 3)
    wide_hash: str  # see labeling.duplicates


def read_bytes(path: Path) -> bytes:
    """Return the file's bytes; raises RefusedPicture where they cannot be had or are none or too many."""
    try:
        if not path.is_file():
            raise RefusedPicture("This is not a regular file.")
        if path.stat().st_size > MAX_BYTES:
            raise RefusedPicture(f"The file is larger than {MAX_BYTES >> 20} MiB.")
        raw = path.read_bytes()
    except OSError as error:
        raise RefusedPicture(f"The file cannot be read: {error.strerror}.") from error
    if not raw:
        raise RefusedPicture("The file is empty.")
    return raw


def key_of(raw: bytes) -> str:
    """Return the content key of a file's bytes: SHA-256 in hex."""
    return hashlib.sha256(raw).hexdigest()


def understand(raw: bytes, name: str) -> Picture:
    """Return the picture in a file's bytes; `name` serves only to note a misleading ending."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # e.g. corrupt EXIF: the picture itself is what counts
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _understand(raw, name)
    except RefusedPicture:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _too_large() from error
    except UnidentifiedImageError as error:
        raise RefusedPicture(_what_instead(raw)) from error
    # Pillow meets damaged files with OSError, SyntaxError, ValueError, struct.error, IndexError and more.
    except Exception as error:
        raise RefusedPicture(f"The picture is damaged: {error}.") from error


def decode(stored: Path | io.BytesIO, resolution: int) -> NDArray[np.uint8]:
    """Return a stored picture, from its file or its bytes, as RGB (resolution, resolution, 3),
    upright, squeezed to a square.

    Nothing is cut off and nothing padded; shrinking averages (anti-aliased bilinear).  For a few pictures:
    decoding.decode is faster and gives the same look.
    """
    with Image.open(stored, formats=STORED) as image:
        image.draft("RGB", (resolution, resolution))  # JPEG: decodes at 1/2, 1/4 or 1/8 where that is enough
        ImageOps.exif_transpose(image, in_place=True)
        return squeeze(image, resolution)


def squeeze(image: Image.Image, side: int) -> NDArray[np.uint8]:
    """Return RGB (side, side, 3); shrinking averages (anti-aliased bilinear)."""
    colored = image if image.mode == "RGB" else image.convert("RGB")  # Pillow copies where nothing changes
    small = colored if colored.size == (side, side) else colored.resize((side, side), _AVERAGING)
    return np.array(small, dtype=np.uint8)


def store(data: bytes, path: Path) -> None:
    """Write a file whole or not at all, whatever happens meanwhile; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")  # of this process: another may store the same
    try:
        draft.write_bytes(data)
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _understand(raw: bytes, name: str) -> Picture:
    with Image.open(io.BytesIO(raw), formats=tuple(ENDINGS)) as image:
        if image.width * image.height > MAX_PIXELS:
            raise _too_large()
        kind = "JPEG" if image.format == "MPO" else str(image.format)  # MPO: a JPEG with more behind it
        changes = _changes(image, kind)
        upright = ImageOps.exif_transpose(image)
        plain = _plain(upright)
    own = not changes and kind in STORED and plain is upright
    return Picture(
        key=key_of(raw),
        width=plain.width,
        height=plain.height,
        data=raw if own else _as_png(plain),
        suffix=ENDINGS[kind][0] if own else ".png",
        notes=(*_misnomer(kind, name), *changes),
        small=squeeze(plain, SMALL),
        wide_hash=duplicates.wide_hash(plain),
    )


def _misnomer(kind: str, name: str) -> list[str]:
    ending = Path(name).suffix.lower()
    return [] if not ending or ending in ENDINGS[kind] else [f"Named {ending}, but it holds {kind}."]


def _changes(image: Image.Image, kind: str) -> list[str]:
    """Return how its look has to change before the picture can be stored, in sentences; decodes it."""
    changes = []
    if image.mode.startswith("I;16") or _has_deep_samples(image, kind):  # asked first: decoding forgets it
        changes.append("16-bit brightness brought to 8 bits.")
    if kind != "JPEG" and getattr(image, "is_animated", False):
        changes.append("Several frames: the first was taken.")
    image.load()
    if 2 <= image.getexif().get(ExifTags.Base.Orientation, 1) <= 8:
        changes.append("Turned upright, as its EXIF data ask.")
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema()[0] != 255:
        changes.append("Transparent parts laid on white.")
    if image.mode == "CMYK":
        changes.append("CMYK colors turned to RGB.")
    return changes


def _has_deep_samples(image: Image.Image, kind: str) -> bool:
    """Say whether Pillow reads 16-bit color samples as 8-bit ones; it keeps the upper byte of each."""
    if kind not in ("PNG", "TIFF") or not isinstance(image, ImageFile.ImageFile) or not image.tile:
        return False
    args = image.tile[0].args
    return ";16" in str(args[0] if isinstance(args, tuple) else args)


def _plain(image: Image.Image) -> Image.Image:
    """Return the picture as 8-bit RGB or gray ("L"): itself where it is that already."""
    if image.mode in ("I", "F"):
        raise RefusedPicture(
            "Its brightness has 32 bits, a range with no agreed white: save it with 8 or 16."
        )
    if image.mode.startswith("I;16"):  # Pillow's own convert("L") cuts off everything above 255
        return Image.fromarray(np.rint(np.asarray(image) / 257).astype(np.uint8))
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
    if image.mode in ("RGB", "L"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _as_png(image: Image.Image) -> bytes:
    bare = image.copy()
    bare.info = {}  # else Pillow writes the old color profile and transparency into the new file
    out = io.BytesIO()
    bare.save(out, "PNG")
    return out.getvalue()


def _too_large() -> RefusedPicture:
    return RefusedPicture(f"The picture has more than {MAX_PIXELS // 10**6} million pixels.")


def _what_instead(raw: bytes) -> str:
    if b"<svg" in raw[:4096].lower():
        return "SVG is a drawing program, not a picture: export it as PNG."
    return f"No picture that can be read here ({', '.join(ENDINGS)})."
