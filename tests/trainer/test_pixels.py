import shutil

import numpy as np
import pytest
from PIL import Image

from labeling import images
from labeling.progress import Cancelled
from tests import toys
from trainer.engine import pixels


@pytest.fixture
def pictures(tmp_path):
    """Return (files, keys) of six pictures."""
    names = toys.shape_folder(tmp_path / "in", {"circle": 3, "square": 3}, np.random.default_rng(0))
    return [tmp_path / "in" / name for name in names], list(names)


def load(pictures, tmp_path, resolution=16, **more):
    return pixels.load(*pictures, resolution, tmp_path / "cache", **more)


def test_a_stopped_build_leaves_nothing(pictures, tmp_path):
    def stop(progress):
        raise Cancelled

    with pytest.raises(Cancelled):
        load(pictures, tmp_path, report=stop)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_broken_picture_leaves_nothing(pictures, tmp_path):
    pictures[0][4].write_bytes(b"no picture")
    with pytest.raises(Exception, match="cannot identify image file"):
        load(pictures, tmp_path)
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_cache_holds_what_decoding_gives(pictures, tmp_path):
    cached = load(pictures, tmp_path)
    assert (cached.shape, cached.dtype) == ((6, 16, 16, 3), np.uint8)
    assert np.array_equal(cached, [images.decode(file, 16) for file in pictures[0]])


def test_a_second_load_decodes_nothing(pictures, tmp_path):
    first = load(pictures, tmp_path)
    shutil.rmtree(tmp_path / "in")
    assert np.array_equal(load(pictures, tmp_path), first)


def test_nobody_writes_to_the_cache_by_accident(pictures, tmp_path):
    with pytest.raises(ValueError, match="read-only"):
        load(pictures, tmp_path)[0] = 0


def test_other_pictures_orders_and_resolutions_are_other_caches(pictures, tmp_path):
    files, keys = pictures
    load(pictures, tmp_path)
    load(pictures, tmp_path, resolution=8)
    load((files[::-1], keys[::-1]), tmp_path)
    load((files[:5], keys[:5]), tmp_path)
    assert len(list((tmp_path / "cache").iterdir())) == 4


def test_content_decides_not_names(pictures, tmp_path):
    files, keys = pictures
    first = load(pictures, tmp_path)
    Image.new("RGB", (9, 9)).save(files[0])
    assert np.array_equal(load((files, keys), tmp_path), first)
    assert not np.array_equal(load((files, ["new", *keys[1:]]), tmp_path), first)
