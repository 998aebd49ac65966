import io
import os
from functools import partial
from pathlib import Path

import numpy as np
import oddities
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from labeling import images
from labeling.images import RefusedPicture

REFUSED = {
    "half a PNG": (partial(oddities.truncated, "PNG"), "damaged"),
    "half a JPEG": (partial(oddities.truncated, "JPEG"), "damaged"),
    "half a WebP": (partial(oddities.truncated, "WEBP"), "damaged"),
    "half a GIF": (partial(oddities.truncated, "GIF"), "damaged"),
    "half a BMP": (partial(oddities.truncated, "BMP"), "damaged"),
    "half a TIFF": (partial(oddities.truncated, "TIFF"), "damaged"),
    "a flipped byte": (oddities.flipped_byte, "damaged"),
    "a header alone": (lambda: oddities.rgb()[:20], "damaged"),
    "a comment of 200 MB": (oddities.text_bomb, "damaged"),
    "169 million pixels": (oddities.bomb, "more than 40 million pixels"),
    "42 million pixels": (partial(oddities.bomb, 7_000, 6_000), "more than 40 million pixels"),
    "3,600 million pixels": (partial(oddities.png, 60_000, 60_000, 1, 0, b""), "more than 40 million pixels"),
    "SVG": (oddities.svg, "SVG"),
    "EPS": (oddities.eps, "No picture that can be read here"),
    "words": (lambda: b"just words", "No picture that can be read here"),
    "floating brightness": (oddities.float_tiff, "32 bits"),
}
CHANGED = {
    "CMYK": (oddities.cmyk, "CMYK"),
    "16-bit gray": (oddities.gray_16, "16-bit"),
    "16-bit gray TIFF": (oddities.gray_16_tiff, "16-bit"),
    "16-bit color": (oddities.color_16, "16-bit"),
    "turned": (oddities.turned, "Turned upright"),
    "animated GIF": (partial(oddities.animated, "GIF"), "Several frames"),
    "animated PNG": (partial(oddities.animated, "PNG"), "Several frames"),
    "animated WebP": (partial(oddities.animated, "WEBP"), "Several frames"),
    "pages of TIFF": (partial(oddities.animated, "TIFF"), "Several frames"),
    "transparent": (oddities.transparent, "white"),
    "transparent palette": (oddities.clear_palette, "white"),
}


def pixels(picture: images.Picture) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture.data)))


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_sound_picture_is_refused_with_its_reason(what):
    make, reason = REFUSED[what]
    with pytest.raises(RefusedPicture, match=reason):
        images.understand(make(), "a.png")


def test_a_bomb_is_small_on_disk():
    assert len(oddities.bomb()) < 30_000


def test_the_pixel_limit_is_the_last_size_taken(monkeypatch):
    monkeypatch.setattr(images, "MAX_PIXELS", 12 * 16)
    assert images.understand(oddities.rgb(), "a.png").width == 16
    monkeypatch.setattr(images, "MAX_PIXELS", 12 * 16 - 1)
    with pytest.raises(RefusedPicture, match="million pixels"):
        images.understand(oddities.rgb(), "a.png")


def read(path):
    return images.understand(images.read_bytes(path), path.name)


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.png").touch()
    with pytest.raises(RefusedPicture, match="empty"):
        read(tmp_path / "a.png")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(RefusedPicture, match="regular"):
        read(tmp_path / "a.png")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(RefusedPicture, match="regular"):
        read(tmp_path / "a.png")


def test_a_file_beyond_the_byte_limit_is_refused_unread(tmp_path):
    with open(tmp_path / "a.png", "wb") as sparse:
        sparse.truncate(images.MAX_BYTES + 1)
    with pytest.raises(RefusedPicture, match="256 MiB"):
        read(tmp_path / "a.png")


def test_a_file_that_may_not_be_read_is_refused(closed_to_us):
    with pytest.raises(RefusedPicture, match="Permission denied"):
        read(closed_to_us / "closed.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("make", [oddities.rgb, oddities.gray])
def test_plain_pictures_are_stored_byte_for_byte(kind, make):
    raw = make(kind)
    ending = images.ENDINGS[kind][0]
    picture = images.understand(raw, f"a{ending}")
    assert (picture.data, picture.suffix, picture.notes) == (raw, ending, ())
    assert (picture.width, picture.height) == (16, 12)


@pytest.mark.parametrize("what", CHANGED)
def test_what_had_to_change_is_noted_and_stored_as_plain_png(what):
    make, note = CHANGED[what]
    picture = images.understand(make(), "a")
    assert note in " ".join(picture.notes)
    stored = Image.open(io.BytesIO(picture.data))
    assert (stored.format, picture.suffix) == ("PNG", ".png")
    assert stored.mode in ("RGB", "L")
    assert stored.size == (picture.width, picture.height)
    assert not stored.info


@pytest.mark.parametrize("make", [oddities.palette, oddities.two_levels])
def test_what_changes_only_its_packing_needs_no_note(make):
    picture = images.understand(make(), "a.png")
    assert picture.notes == ()
    assert Image.open(io.BytesIO(picture.data)).mode in ("RGB", "L")


def test_a_jpeg_with_more_pictures_behind_it_is_a_jpeg():
    raw = oddities.animated("MPO")
    picture = images.understand(raw, "a.jpg")
    assert (picture.data, picture.suffix, picture.notes) == (raw, ".jpg", ())


def test_the_content_decides_and_a_wrong_name_is_noted(tmp_path):
    (tmp_path / "a.png").write_bytes(oddities.rgb("JPEG"))
    picture = read(tmp_path / "a.png")
    assert picture.suffix == ".jpg"
    assert picture.notes == ("Named .png, but it holds JPEG.",)


def test_brightness_of_16_bits_keeps_its_slope():
    assert np.array_equal(pixels(images.understand(oddities.gray_16(), "a.png")), oddities.PIXELS)


def test_colors_of_16_bits_keep_their_values():
    assert np.array_equal(pixels(images.understand(oddities.color_16(), "a.png")), oddities.COLORS)


def test_cmyk_keeps_its_look():
    seen = pixels(images.understand(oddities.cmyk(), "a.jpg")).astype(int)
    assert np.abs(seen - oddities.COLORS).mean() < 12  # JPEG of a tiny picture


def test_a_turned_picture_stands_upright():
    picture = images.understand(oddities.turned(), "a.jpg")
    lying = np.asarray(Image.open(io.BytesIO(oddities.turned())))
    assert (picture.width, picture.height) == (12, 16)
    assert np.array_equal(pixels(picture), np.rot90(lying, -1))


def test_transparent_parts_lie_on_white():
    seen = pixels(images.understand(oddities.transparent(), "a.png"))
    assert (seen[:6] == 255).all()
    assert np.array_equal(seen[6:], oddities.COLORS[6:])


@pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken(kind):
    assert (pixels(images.understand(oddities.animated(kind), "a")) == (255, 0, 0)).all()


def test_the_key_is_of_the_files_bytes_whatever_is_stored():
    assert images.understand(oddities.turned(), "a").key == images.key_of(oddities.turned())


@settings(max_examples=150, deadline=None)
@given(
    raw=st.sampled_from(
        [
            oddities.rgb(),
            oddities.rgb("JPEG"),
            oddities.rgb("WEBP"),
            oddities.animated("GIF"),
            oddities.gray_16_tiff(),
            oddities.turned(),
            oddities.clear_palette(),
        ]
    ),
    damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    kept=st.floats(0.05, 1),
)
def test_damage_of_any_kind_ends_in_a_picture_or_a_refusal(raw, damage, kept):
    broken = bytearray(raw[: max(1, int(len(raw) * kept))])
    for place, value in damage:
        broken[int(place * len(broken))] = value
    try:
        picture = images.understand(bytes(broken), "a.png")
    except RefusedPicture:
        return
    assert Image.open(io.BytesIO(picture.data)).size == (picture.width, picture.height)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("make", [oddities.rgb, oddities.gray])
def test_decode_gives_rgb_squares(tmp_path, kind, make):
    (tmp_path / "a").write_bytes(make(kind))
    square = images.decode(tmp_path / "a", 8)
    assert (square.shape, square.dtype) == ((8, 8, 3), np.uint8)
    assert square.flags.writeable


def test_decode_changes_nothing_at_the_pictures_own_size(tmp_path):
    Image.fromarray(oddities.COLORS[:, :12]).save(tmp_path / "a.png")
    assert np.array_equal(images.decode(tmp_path / "a.png", 12), oddities.COLORS[:, :12])


def test_decode_averages_when_it_shrinks(tmp_path):
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    Image.fromarray(board).save(tmp_path / "a.png")
    assert np.abs(images.decode(tmp_path / "a.png", 4).astype(int) - 127).max() <= 1


def test_store_leaves_nothing_behind_when_it_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", lambda draft, path: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        images.store(b"abc", tmp_path / "ab" / "a.png")
    assert list(Path(tmp_path, "ab").iterdir()) == []


def test_store_replaces_what_was_there(tmp_path):
    images.store(b"old", tmp_path / "ab" / "a.png")
    images.store(b"new", tmp_path / "ab" / "a.png")
    assert [path.read_bytes() for path in (tmp_path / "ab").iterdir()] == [b"new"]
