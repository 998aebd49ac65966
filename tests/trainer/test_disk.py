"""Files that get their name whole or never, also where the disk is full."""

import json
import subprocess
import sys

import pytest

from trainer.engine import disk

LIMITED = """
import json, pathlib, resource, sys
from trainer.engine import disk
path, limit, size = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    disk.write(path, b"x" * size)
    said = ""
except disk.NoRoom as trouble:
    said = str(trouble)
print(json.dumps(said))
"""


def written_with_room(path, limit, size):
    argv = [sys.executable, "-c", LIMITED, str(path), str(limit), str(size)]
    return json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)


def test_without_room_no_file_has_the_name_and_nothing_is_left(tmp_path):
    said = written_with_room(tmp_path / "runs" / "model.safetensors", 100_000, 3_000_000)
    assert said.startswith("The disk is full: model.safetensors (2.9 MiB) could not be written whole.")
    assert list((tmp_path / "runs").iterdir()) == []


def test_without_room_the_file_that_stands_stays_whole(tmp_path):
    path = tmp_path / "model.onnx"
    disk.write(path, b"old")
    assert written_with_room(path, 100_000, 3_000_000)
    assert path.read_bytes() == b"old"


def test_with_room_the_same_is_written(tmp_path):
    assert written_with_room(tmp_path / "a", 100_000, 99_999) == ""
    assert (tmp_path / "a").stat().st_size == 99_999


def test_other_trouble_is_not_called_a_full_disk(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        disk.write(tmp_path / "file" / "below", b"x")


def test_a_file_and_its_folders_are_made(tmp_path):
    disk.write(tmp_path / "a" / "b" / "c", b"data")
    assert (tmp_path / "a" / "b" / "c").read_bytes() == b"data"
