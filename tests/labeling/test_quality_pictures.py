"""Blank, dark, bright and blurred pictures: planted ones are found, good ones left alone."""

import functools
import io
import zipfile

import numpy as np
import pytest
from PIL import Image, ImageFilter

from labeling.quality import pictures

N = 240  # photographs


def scene(seed, side=96, cells=24):
    """A picture with edges and fine detail."""
    rng = np.random.default_rng(seed)
    tiles = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
    return tiles.resize((side, side), Image.Resampling.NEAREST)


def kinds(shown):
    return [(one.row, one.kind) for one in pictures.judge([pictures.measure(one) for one in shown])]


def jpeg(image):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=75)
    return Image.open(io.BytesIO(out.getvalue()))


def noise(size, seed, level=3):
    rng = np.random.default_rng(seed)
    return Image.fromarray(np.clip(rng.normal(120, level, (*size[::-1], 3)), 0, 255).astype(np.uint8))


PLANTED = {  # what is done to a photograph, and what it has to be called
    "one color": (lambda one: Image.new("RGB", one.size, (90, 120, 200)), "blank"),
    "lens cap": (lambda one: noise(one.size, 0), "blank"),
    "a fifth of its light": (lambda one: one.point(lambda level: level * 0.2), "dark"),
    "washed out": (lambda one: one.point(lambda level: 255 - (255 - level) * 0.2), "bright"),
    "out of focus": (lambda one: one.filter(ImageFilter.GaussianBlur(0.02 * min(one.size))), "blurry"),
    "enlarged 20 times": (
        lambda one: one.resize((one.width // 20, one.height // 20)).resize(
            one.size, Image.Resampling.BICUBIC
        ),
        "blurry",
    ),
}


@functools.cache
def read(folder):
    with zipfile.ZipFile(folder / "trashnet-256" / "images.zip") as parcel:
        names = sorted(name for name in parcel.namelist() if name.endswith(".jpg"))[::10][:N]
        shown = [Image.open(io.BytesIO(parcel.read(name))).convert("RGB") for name in names]
    return shown, [pictures.measure(one) for one in shown]


@pytest.fixture
def photographs(shared_data):
    """Every tenth photograph of TrashNet, and what it looks like."""
    return read(shared_data)


# --- what must not be raised


@pytest.mark.parametrize("n", [0, 1, 30])
def test_good_pictures_raise_nothing(n):
    assert kinds([scene(seed) for seed in range(n)]) == []


def test_a_small_mark_on_a_plain_ground_is_no_blank_picture():
    marked = Image.new("RGB", (256, 256), "white")
    marked.paste((0, 0, 0), (100, 100, 106, 106))
    assert "blank" not in dict(kinds([marked])).values()


def test_colors_of_one_brightness_are_no_blank_picture():
    two = Image.new("RGB", (64, 64), (200, 0, 0))
    two.paste((0, 102, 0), (0, 0, 32, 64))  # as bright
    assert kinds([two]) == []


def test_where_all_are_dark_or_bright_none_is_called_so():
    night = [scene(seed).point(lambda level: level * 0.2) for seed in range(30)]
    light = [scene(seed).point(lambda level: 255 - (255 - level) * 0.2) for seed in range(30)]
    assert kinds(night) == kinds(light) == []


def test_whether_a_tiny_picture_is_sharp_is_not_told():
    tiny = pictures.measure(scene(0, side=8, cells=8))
    assert (tiny.detail, tiny.edge) == (None, None)
    assert kinds([scene(seed, side=8, cells=8) for seed in range(40)]) == []


def test_a_sharp_picture_with_little_detail_is_not_blurred():
    plain = Image.new("RGB", (96, 96), "white")
    plain.paste((0, 0, 0), (40, 0, 50, 96))
    assert kinds([*(scene(seed) for seed in range(40)), plain]) == []


def test_few_pictures_give_no_measure_of_blur():
    blurred = scene(0).filter(ImageFilter.GaussianBlur(4))
    assert kinds([*(scene(seed) for seed in range(5)), blurred]) == []


def test_real_photographs_raise_few(photographs):
    found = pictures.judge(photographs[1])
    assert {one.kind for one in found} <= {"blurry"}
    assert len(found) <= 0.015 * N


# --- what must


@pytest.mark.parametrize("how", PLANTED)
def test_planted_ones_are_found_among_real_photographs(how, photographs):
    change, kind = PLANTED[how]
    shown, looks = photographs
    spoilt = [pictures.measure(jpeg(change(one))) for one in shown[::24]]
    found = pictures.judge([*looks, *spoilt])
    hit = {one.row for one in found if one.row >= N and one.kind == kind}
    false = [one for one in found if one.row < N and one.kind == kind]
    assert len(hit) >= 0.9 * len(spoilt)
    assert len(false) <= 2


def test_a_blank_picture_is_nothing_else_besides():
    black = Image.new("RGB", (96, 96), "black")
    found = pictures.judge([pictures.measure(one) for one in [*(scene(seed) for seed in range(40)), black]])
    assert [(one.row, one.kind) for one in found] == [(40, "blank")]
    assert found[0].reason == "Nearly one color: no two parts of it are more than 0 of 255 levels apart."


def test_the_reason_tells_the_measure():
    dim = scene(3).point(lambda level: level * 0.2)
    found = pictures.judge([pictures.measure(one) for one in [*(scene(seed) for seed in range(3)), dim]])
    assert 40 < found[0].value < 51
    assert f"brighter than level {found[0].value:.0f} of 255" in found[0].reason


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_measures_survive_being_kept_whatever_the_mode(mode):
    seen = pictures.measure(scene(1).convert(mode))
    assert pictures.Look.from_json(seen.to_json()) == seen
    assert pictures.Look.from_json({**seen.to_json(), "version": 0}) is None
    assert pictures.Look.from_json(None) is None


def test_an_edge_is_as_steep_as_it_was_drawn():
    wave = [0] * 8 + [50, 100, 150] + [200] * 8 + [150, 100, 50]  # four steps of 50, up and down
    image = Image.fromarray(np.tile(np.array(wave * 3, dtype=np.uint8), (66, 1)))
    assert pictures.measure(image).edge == pytest.approx(0.25)
    assert pictures.measure(image.rotate(90)).edge == pytest.approx(0.25)
