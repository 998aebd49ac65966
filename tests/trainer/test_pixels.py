import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labeling import images
from labeling.decoding import UnreadablePicture
from labeling.progress import Cancelled
from tests import toys
from trainer.engine import pixels

ROOT = Path(__file__).resolve().parents[2]
CHILD = """
import sys
from pathlib import Path
from trainer.engine import pixels
pixels.LOT_S = 0.0
folder, cache = map(Path, sys.argv[1:])
files = sorted(folder.rglob("*.png"))
pixels.load(files, [file.name + file.parent.name for file in files], 16, cache)
"""


@pytest.fixture
def pictures(tmp_path):
    """Return (files, keys) of six pictures."""
    return made(tmp_path, 3)


def made(tmp_path, count):
    toys.shape_folder(tmp_path / "in", {"circle": count, "square": count}, np.random.default_rng(0))
    files = sorted((tmp_path / "in").rglob("*.png"))
    return files, [file.name + file.parent.name for file in files]


def load(pictures, tmp_path, resolution=16, **more):
    return pixels.load(*pictures, resolution, tmp_path / "cache", **more)


def decoded(files, resolution=16):
    return np.stack([images.decode(file, resolution) for file in files])


def child(tmp_path):
    return subprocess.Popen([sys.executable, "-c", CHILD, tmp_path / "in", tmp_path / "cache"], cwd=ROOT)


def keys_written(tmp_path):
    return sum(file.stat().st_size for file in (tmp_path / "cache").glob("*.keys")) // pixels.KEY_BYTES


# --- what must not happen


def test_a_stopped_build_keeps_what_it_did(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(pixels, "LOT_S", 0.0)

    def stop(progress):
        if progress.done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        load(pictures, tmp_path, report=stop)
    assert keys_written(tmp_path) == 2
    assert np.array_equal(load(pictures, tmp_path), decoded(pictures[0]))


def test_a_broken_picture_is_named_and_never_kept(pictures, tmp_path):
    pictures[0][4].write_bytes(b"no picture")
    with pytest.raises(UnreadablePicture, match=f"{pictures[0][4]} cannot be decoded"):
        load(pictures, tmp_path)
    toys.shape("square", np.random.default_rng(9)).save(pictures[0][4])
    assert np.array_equal(load(pictures, tmp_path), decoded(pictures[0]))


def test_a_vanished_picture_is_named(pictures, tmp_path):
    pictures[0][0].unlink()
    with pytest.raises(UnreadablePicture, match=f"{pictures[0][0]} is gone"):
        load(pictures, tmp_path)


def test_the_rest_of_a_killed_writer_is_written_over(pictures, tmp_path):
    files, keys = pictures
    load((files[:2], keys[:2]), tmp_path)
    for kind, rest in [("pixels", b"\7" * 1000), ("keys", b"\7" * (pixels.KEY_BYTES - 1))]:
        with open(next((tmp_path / "cache").glob(f"*.{kind}")), "ab") as file:
            file.write(rest)
    assert np.array_equal(load(pictures, tmp_path), decoded(files))
    assert np.array_equal(load(pictures, tmp_path), decoded(files))
    assert keys_written(tmp_path) == 6


def test_lost_pixels_are_decoded_again(pictures, tmp_path):
    load(pictures, tmp_path)
    next((tmp_path / "cache").glob("*.pixels")).unlink()
    assert np.array_equal(load(pictures, tmp_path), decoded(pictures[0]))


def test_kill_9_in_the_middle_harms_nothing(tmp_path):
    pictures = made(tmp_path, 300)
    writer = child(tmp_path)
    until = time.monotonic() + 60
    while keys_written(tmp_path) < 5 and time.monotonic() < until:
        time.sleep(0.001)
    writer.kill()
    writer.wait()
    assert 5 <= keys_written(tmp_path) < 600
    assert np.array_equal(load(pictures, tmp_path), decoded(pictures[0]))


def test_two_writers_at_once_share_the_work(tmp_path):
    pictures = made(tmp_path, 60)
    writers = [child(tmp_path), child(tmp_path)]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert keys_written(tmp_path) == 120
    shutil.rmtree(tmp_path / "in")
    assert np.array_equal(load(pictures, tmp_path), load(pictures, tmp_path))


def test_nobody_writes_to_the_cache_by_accident(pictures, tmp_path):
    first = load(pictures, tmp_path)
    first[np.array([0, 1])][:] = 0
    with pytest.raises(ValueError, match="read-only"):
        first[0][:] = 0
    assert np.array_equal(load(pictures, tmp_path), decoded(pictures[0]))


# --- what must happen


def test_the_cache_holds_what_decoding_gives(pictures, tmp_path):
    cached = load(pictures, tmp_path)
    assert (cached.shape, len(cached), np.asarray(cached).dtype) == ((6, 16, 16, 3), 6, np.uint8)
    assert np.array_equal(cached, decoded(pictures[0]))


@pytest.mark.parametrize("rows", [np.array([4, 0, 4]), np.array([], np.int64), slice(2, 5), 3])
def test_rows_come_in_the_order_asked(pictures, tmp_path, rows):
    assert np.array_equal(load(pictures, tmp_path)[rows], decoded(pictures[0])[rows])


def test_no_pictures_at_all(tmp_path):
    assert load(([], []), tmp_path).shape == (0, 16, 16, 3)


def test_a_second_load_decodes_nothing(pictures, tmp_path):
    first = np.asarray(load(pictures, tmp_path))
    shutil.rmtree(tmp_path / "in")
    assert np.array_equal(load(pictures, tmp_path), first)


def test_only_new_pictures_are_decoded(pictures, tmp_path):
    files, keys = pictures
    expected = decoded(files)
    load((files[3:], keys[3:]), tmp_path)
    for file in files[3:]:
        file.unlink()
    told = []
    assert np.array_equal(load(pictures, tmp_path, report=told.append), expected)
    assert [(progress.done, progress.total) for progress in told] == [(3, 6)]


def test_the_same_picture_twice_is_kept_once(pictures, tmp_path):
    files, keys = pictures
    twice = load(([files[1], *files], [keys[1], *keys]), tmp_path)
    assert np.array_equal(twice, decoded([files[1], *files]))
    assert keys_written(tmp_path) == 6


def test_resolutions_stand_apart(pictures, tmp_path):
    load(pictures, tmp_path)
    assert np.array_equal(load(pictures, tmp_path, resolution=8), decoded(pictures[0], 8))
    assert np.array_equal(load(pictures, tmp_path), decoded(pictures[0]))


def test_content_decides_not_names(pictures, tmp_path):
    files, keys = pictures
    first = np.asarray(load(pictures, tmp_path))
    Image.new("RGB", (9, 9)).save(files[0])
    assert np.array_equal(load((files, keys), tmp_path), first)
    assert not np.array_equal(load((files, ["new", *keys[1:]]), tmp_path), first)


def test_what_older_decoders_left_is_removed(pictures, tmp_path):
    (tmp_path / "cache").mkdir()
    old = [tmp_path / "cache" / name for name in ("ab12.npy", "16px-decoder1.pixels", "8px-decoder1.keys")]
    for file in old:
        file.write_bytes(b"old")
    load(pictures, tmp_path, resolution=8)
    load(pictures, tmp_path)
    assert not any(file.exists() for file in old)
    assert len(list((tmp_path / "cache").glob("*.pixels"))) == 2
