"""Photographs of one scene by the wide hash: found without fail, plain pictures left alone, splits kept."""

import csv
import gzip
import io
import zipfile
from collections import defaultdict

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from labeling import duplicates, splits
from labeling.models import Dataset
from labeling.services import pictures


def scene(seed, side=64):
    """A smooth picture of many colors, as photographs are."""
    rng = np.random.default_rng(seed)
    cells = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    return cells.resize((side, side), Image.Resampling.BICUBIC)


def noisy(image, seed, strength=4):
    rng = np.random.default_rng(seed)
    return Image.fromarray(
        np.clip(np.asarray(image) + rng.normal(0, strength, (*image.size, 3)), 0, 255).astype(np.uint8)
    )


def hashes(n, seed=0):
    """Hashes of which each odd one is the one before it with 0 to 31 bits turned."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (n, 256), dtype=np.uint8)
    for row in range(1, n, 2):
        bits[row] = bits[row - 1]
        bits[row, rng.choice(256, row % 32, replace=False)] ^= 1
    return bits


def text(bits):
    return [row.tobytes().hex() for row in np.packbits(bits, axis=1)]


@pytest.fixture
def trashnet(shared_data):
    """(files, classes, wide hashes) of 2,527 photographs."""
    folder = shared_data / "trashnet-256"
    with open(folder / "labels.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    with zipfile.ZipFile(folder / "images.zip") as parcel:
        found = [duplicates.wide_hash(Image.open(io.BytesIO(parcel.read(row["file"])))) for row in rows]
    return [row["file"] for row in rows], [row["label"] for row in rows], found


@pytest.mark.parametrize("color", ["white", "black", "teal"])
def test_a_plain_picture_has_no_hash(color):
    assert duplicates.wide_hash(Image.new("RGB", (64, 64), color)) == ""


def test_small_pictures_have_no_hash():
    drawn = [Image.fromarray(np.rint(one * 255 / 16).astype(np.uint8)) for one in load_digits().images[:50]]
    assert {duplicates.wide_hash(one) for one in [*drawn, scene(0, side=16)]} == {""}


def test_real_clothes_are_never_paired(shared_data):
    raw = gzip.decompress((shared_data / "fashion-mnist" / "t10k-images-idx3-ubyte.gz").read_bytes())
    drawn = np.frombuffer(raw[16:], np.uint8).reshape(-1, 28, 28)[:4000]
    found = [duplicates.wide_hash(Image.fromarray(one)) for one in drawn]
    assert sum(map(bool, found)) > 400  # else there was nothing to pair
    assert len(duplicates.wide_pairs(found, np.ones(4000, bool))) == 0


def test_other_scenes_are_never_paired():
    found = [duplicates.wide_hash(scene(seed)) for seed in range(300)]
    assert all(found)
    assert len(duplicates.wide_pairs(found, np.ones(300, bool))) == 0


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_rows_are_no_error(n):
    assert duplicates.wide_pairs([""] * n, np.ones(n, bool)).shape == (0, 2)


@pytest.mark.parametrize("new", ["all", "none", "odd", "last"])
def test_all_pairs_of_the_definition_are_found(new, monkeypatch):
    monkeypatch.setattr(duplicates, "CELLS_AT_ONCE", 700)
    bits = hashes(200)
    is_new = {
        "all": np.ones(200, bool),
        "none": np.zeros(200, bool),
        "odd": np.arange(200) % 2 == 1,
        "last": np.arange(200) > 150,
    }[new]
    told = text(bits)
    told[10] = ""
    apart = (bits[:, None] != bits[None]).sum(axis=2)
    a, b = np.nonzero(np.triu(apart <= 16, 1) & (is_new[:, None] | is_new[None]))
    expected = {pair for pair in zip(a.tolist(), b.tolist(), strict=True) if 10 not in pair}
    assert set(map(tuple, duplicates.wide_pairs(told, is_new).tolist())) == expected


@pytest.mark.parametrize("size", [(64, 64), (200, 150), (40, 90)])
def test_the_same_scene_keeps_its_hash_near(size):
    one = scene(5)
    other = noisy(one, 1).resize(size)
    found = [duplicates.wide_hash(one), duplicates.wide_hash(other)]
    assert duplicates.wide_pairs(found, np.ones(2, bool)).tolist() == [[0, 1]]


def test_near_duplicates_of_trashnet(trashnet):
    files, labels, found = trashnet
    pairs = duplicates.wide_pairs(found, np.ones(len(found), bool))
    named = [(files[a], files[b]) for a, b in pairs.tolist()]
    assert len(pairs) == 32
    assert ("images/glass/glass115.jpg", "images/metal/metal91.jpg") in named
    assert sum(labels[a] != labels[b] for a, b in pairs.tolist()) == 11


def test_no_group_of_trashnet_straddles_a_split(trashnet):
    files, labels, found = trashnet
    n = len(files)
    pairs = duplicates.wide_pairs(found, np.ones(n, bool))
    groups = duplicates.join(files, [""] * n, [False] * n, pairs)
    assert all(groups[a] == groups[b] for a, b in pairs.tolist())  # connected components
    assert len(set(groups)) == n - 29  # 19 pairs, and one component of eleven
    sides = defaultdict(set)
    for group, side in zip(groups, splits.assign(files, labels, groups, 0.25, "t"), strict=True):
        sides[group].add(side)
    assert max(map(len, sides.values())) == 1


@pytest.mark.django_db
def test_an_import_keeps_near_duplicates_together(state, now):
    folder = state / "in"
    for number in range(24):
        (folder / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        picture = scene(number // 2 * 2 + number % 2 * 1000)
        picture.save(folder / "ab"[number % 2] / f"{number}.png")
        darker = picture.point(lambda level: level * 0.75)  # too far for the look at pixels
        noisy(darker, number).save(folder / "ab"[number % 2] / f"{number} again.png")
    dataset = Dataset.objects.create(name="Scenes", created_at=now)
    pictures.import_images(dataset, folder, test_share=0.4, now=now)
    sides = defaultdict(set)
    for group, split in dataset.samples.values_list("duplicate_group", "split"):
        sides[group].add(split)
    assert (dataset.samples.count(), len(sides)) == (48, 24)
    assert sorted(map(len, sides.values())) == [1] * 24
    assert dataset.samples.testing().count() > 8
