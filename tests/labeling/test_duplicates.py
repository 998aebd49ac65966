import gzip
import io

import numpy as np
import pytest
import toys
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_digits

from labeling import duplicates, images

HASHES = st.integers(0, 2**64 - 1).map("{:016x}".format)


def small(image: Image.Image) -> tuple[str, np.ndarray]:
    """Return what an import keeps of a picture: its hash and its small copy."""
    rgb = image.convert("RGB")
    size = duplicates.SIDE
    copy = np.asarray(rgb.resize((size, size), Image.Resampling.BILINEAR))
    square = np.asarray(rgb.resize((images.SMALL, images.SMALL), Image.Resampling.BILINEAR))
    return duplicates.difference_hash(square), copy


def groups(pictures: list[Image.Image]) -> list[str]:
    hashes, copies = zip(*map(small, pictures), strict=True)
    pairs = duplicates.near_pairs(hashes, np.ones(len(pictures), dtype=bool))
    equal = pairs[duplicates.near_equal(np.stack(copies), pairs)]
    keys = [f"{number:06d}" for number in range(len(pictures))]
    return duplicates.join(keys, [""] * len(keys), [False] * len(keys), equal)


def as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return Image.open(out)


def scene(seed: int) -> Image.Image:
    """A smooth picture of many colors, as photographs are."""
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(
        (256, 192), Image.Resampling.BICUBIC
    )


def test_real_digits_are_never_merged():
    pictures = [Image.fromarray(np.rint(digit * 255 / 16).astype(np.uint8)) for digit in load_digits().images]
    assert len(set(groups(pictures))) == 1797


def test_of_real_clothes_only_two_are_equal(shared_data):
    raw = gzip.decompress((shared_data / "fashion-mnist" / "t10k-images-idx3-ubyte.gz").read_bytes())
    pictures = [Image.fromarray(p) for p in np.frombuffer(raw[16:], np.uint8).reshape(-1, 28, 28)[:4000]]
    assert len(pictures) - len(set(groups(pictures))) <= 1


def test_other_scenes_are_never_merged():
    assert len(set(groups([scene(seed) for seed in range(300)]))) == 300


@pytest.mark.parametrize(
    "change",
    [
        lambda image: as_jpeg(image, 75),
        lambda image: as_jpeg(image, 40),
        lambda image: image.resize((180, 135)),
        lambda image: image.resize((512, 384)),
        lambda image: as_jpeg(image.resize((200, 150)), 70),
        lambda image: image.convert("RGBA"),
    ],
)
def test_the_same_scene_is_found_again_after(change):
    found = [len(set(groups([scene(seed), change(scene(seed))]))) == 1 for seed in range(50)]
    assert sum(found) >= 49


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        lambda image: image.rotate(90, expand=True),
        lambda image: Image.eval(image, lambda level: 255 - level),
        lambda image: image.crop((64, 48, 256, 192)),
        lambda image: image.convert("L"),
    ],
)
def test_a_changed_scene_is_another_picture_after(change):
    assert {len(set(groups([scene(seed), change(scene(seed))]))) for seed in range(20)} == {2}


def test_blank_pictures_of_one_color_are_equal_and_of_two_are_not():
    reds = [Image.new("RGB", (32, 32), "red") for _ in range(3)]
    assert groups([*reds, Image.new("RGB", (32, 32), "blue")]) == ["000000", "000000", "000000", "000003"]


def test_shapes_are_never_merged_though_they_are_alike():
    rng = np.random.default_rng(0)
    pictures = [toys.shape(name, rng) for name in toys.SHAPES for _ in range(100)]
    assert len(set(groups(pictures))) == 300


@given(st.lists(HASHES, max_size=duplicates.NEIGHBORS - 2), st.sets(st.integers(0, 63), max_size=3))
def test_hashes_within_three_bits_are_found(others, bits):
    flipped = int("0123456789abcdef", 16) ^ sum(1 << bit for bit in bits)
    hashes = ["0123456789abcdef", *others, f"{flipped:016x}"]
    pairs = duplicates.near_pairs(hashes, np.ones(len(hashes), dtype=bool)).tolist()
    assert [0, len(hashes) - 1] in pairs


@given(st.lists(HASHES | st.sampled_from(["0" * 16, "0" * 15 + "3"]), max_size=40), st.data())
def test_pairs_are_near_ordered_told_once_and_hold_a_new_one(hashes, data):
    is_new = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(hashes), max_size=len(hashes))), dtype=bool
    )
    pairs = duplicates.near_pairs(hashes, is_new).tolist()
    assert all(a < b and (is_new[a] or is_new[b]) for a, b in pairs)
    assert all(
        (int(hashes[a], 16) ^ int(hashes[b], 16)).bit_count() <= duplicates.NEAR_BITS for a, b in pairs
    )
    assert len({tuple(pair) for pair in pairs}) == len(pairs)


KEYS = ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("standing", "is_test", "pairs", "expected"),
    [
        (["", "", "", "", ""], [0, 0, 0, 0, 0], [], ["a", "b", "c", "d", "e"]),
        (["", "", "", "", ""], [0, 0, 0, 0, 0], [(1, 4), (3, 4)], ["a", "b", "c", "b", "b"]),
        (["", "b", "c", "", ""], [0, 0, 1, 0, 0], [(0, 1)], ["b", "b", "c", "d", "e"]),
        # e lies between a training and a test group: the test wins, the groups stay
        (["", "b", "c", "", ""], [0, 0, 1, 0, 0], [(1, 4), (2, 4)], ["a", "b", "c", "d", "c"]),
        # a chain of new ones hangs together with the group that its end touches
        (["", "b", "c", "", ""], [0, 0, 0, 0, 0], [(0, 3), (3, 4), (2, 4)], ["c", "b", "c", "c", "c"]),
    ],
)
def test_join(standing, is_test, pairs, expected):
    pairs = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    assert duplicates.join(KEYS, standing, [bool(t) for t in is_test], pairs) == expected
