import hashlib

import numpy as np
import pytest
from safetensors.numpy import save

from trainer.engine import model_files
from trainer.engine.model_files import BrokenModel

DATA = save({"a": np.arange(100, dtype=np.float32), "b": np.ones(3, np.float32)}, {"note": "x"})
HASH = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "runs" / "7" / "1" / model_files.WEIGHTS
    file.parent.mkdir(parents=True)
    file.write_bytes(DATA)
    return file


def said(path):
    with pytest.raises(BrokenModel) as trouble:
        model_files.check(path, HASH)
    return str(trouble.value)


def test_a_missing_file(path):
    path.unlink()
    assert said(path) == "runs/7/1/model.safetensors is missing."


def test_a_folder_in_its_place(path):
    path.unlink()
    path.mkdir()
    assert said(path).endswith("is missing.")


HEADER = 8 + int.from_bytes(DATA[:8], "little")


@pytest.mark.parametrize(("length", "whole"), [(len(DATA) - 1, len(DATA)), (HEADER, len(DATA)), (20, HEADER)])
def test_a_file_that_is_cut_off_says_how_far(path, length, whole):
    path.write_bytes(DATA[:length])
    assert said(path) == f"runs/7/1/model.safetensors is cut off: it has {length} of {whole} bytes."


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"\xff" * 4000,
        DATA[:-1] + b"\0",
        DATA[:40] + b"?" + DATA[41:],
        DATA + b"\0",
        b"\2" + b"\0" * 7 + b"[]" + b"\0" * 100,
    ],
    ids=["empty", "a byte", "no safetensors", "last byte", "header", "longer", "no object"],
)
def test_an_altered_file_is_told(path, data):
    path.write_bytes(data)
    assert said(path).startswith("runs/7/1/model.safetensors ")


def test_one_flipped_bit_is_found(path):
    path.write_bytes(DATA[:-8] + bytes([DATA[-8] ^ 1]) + DATA[-7:])
    assert "was altered: its SHA-256 is not the one that was recorded" in said(path)


def test_the_file_as_it_was_recorded_passes(path):
    model_files.check(path, HASH)
    assert model_files.digest(path) == HASH
