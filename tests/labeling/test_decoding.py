import io

import numpy as np
import pytest
from PIL import ExifTags, Image

from labeling import decoding, images
from labeling.decoding import UnreadablePicture
from tests.labeling import oddities
from workbench.benchmarks.images.decoding import psnr
from workbench.benchmarks.images.photographs import photograph


def jpeg(pixels, **options):
    return oddities.save(Image.fromarray(pixels), "JPEG", quality=90, **options)


def decoded(tmp_path, raw, resolution):
    (tmp_path / "a").write_bytes(raw)
    return decoding.decode(tmp_path / "a", resolution)


# --- what must not happen


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no picture",
        oddities.truncated("JPEG"),
        oddities.truncated("PNG"),
        b"\xff\xd8\xff",
        oddities.eps(),
    ],
    ids=["empty", "text", "half a JPEG", "half a PNG", "a JPEG's first bytes", "EPS"],
)
def test_a_damaged_file_is_refused_by_name(tmp_path, raw):
    with pytest.raises(UnreadablePicture, match=r"^The stored picture .*/a cannot be decoded: .+\.$"):
        decoded(tmp_path, raw, 8)


def test_a_vanished_file_is_refused_by_name(tmp_path):
    with pytest.raises(UnreadablePicture, match=r"^The stored picture .*/cat is gone\.$"):
        decoding.decode(tmp_path / "cat", 8)


# --- what must happen


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("make", [oddities.rgb, oddities.gray])
@pytest.mark.parametrize("resolution", [8, 40])
def test_every_stored_kind_looks_as_pillow_decodes_it(tmp_path, kind, make, resolution):
    square = decoded(tmp_path, make(kind), resolution)
    assert (square.shape, square.dtype, square.flags.writeable) == (
        (resolution, resolution, 3),
        np.uint8,
        True,
    )
    assert np.abs(square.astype(int) - images.decode(tmp_path / "a", resolution)).max() <= 2


@pytest.mark.parametrize("resolution", [64, 128, 224, 375])
def test_a_scaled_photograph_looks_as_one_decoded_whole(tmp_path, resolution):
    raw = jpeg(photograph(500, 375, seed=0))
    with Image.open(io.BytesIO(raw)) as whole:
        expected = images.squeeze(whole, resolution)
    assert psnr(decoded(tmp_path, raw, resolution), expected) >= 38


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_stands_upright_as_its_exif_data_ask(tmp_path, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    pixels = photograph(96, 64, seed=0)
    square = decoded(tmp_path, jpeg(pixels, exif=exif), 32)
    turns = {
        1: lambda x: x,
        2: lambda x: x[:, ::-1],
        3: lambda x: x[::-1, ::-1],
        4: lambda x: x[::-1],
        5: lambda x: x.transpose(1, 0, 2),
        6: lambda x: np.rot90(x, -1),
        7: lambda x: x.transpose(1, 0, 2)[::-1, ::-1],
        8: lambda x: np.rot90(x),
    }
    plain = decoded(tmp_path, jpeg(np.ascontiguousarray(turns[orientation](pixels))), 32)
    assert psnr(square, plain) > 30


def test_cmyk_falls_back_to_pillow(tmp_path):
    square = decoded(tmp_path, oddities.cmyk(), 8)
    assert np.array_equal(square, images.decode(tmp_path / "a", 8))


def test_a_photograph_much_wider_than_high_is_squeezed_whole(tmp_path):
    wide = np.zeros((40, 800, 3), np.uint8)
    wide[:, 400:] = 255
    square = decoded(tmp_path, jpeg(wide), 32)
    assert (square[:, :15] < 8).all()
    assert (square[:, 17:] > 247).all()
