import dataclasses

import numpy as np
import pytest
import torch

from trainer.engine import checkpoints
from trainer.engine.checkpoints import Checkpoint
from trainer.engine.material import Material
from trainer.engine.recipe import Recipe

STATE = {"step": 3, "weights": {"a": torch.ones(2)}}


@pytest.fixture
def kept(tmp_path):
    checkpoint = Checkpoint(tmp_path / "runs/1/checkpoint.pt")
    checkpoint.save("mine", STATE)
    return checkpoint


def material(**changes):
    bank = np.zeros((1, 3, 2, 2, 3), np.uint8)
    return dataclasses.replace(Material(bank, np.array([0, 1, 0]), np.arange(3), False), **changes)


# --- what must not happen


def test_the_state_of_another_training_is_not_taken_up(kept):
    assert kept.load("yours") is None


@pytest.mark.parametrize("size", [0, 10, 400])
def test_half_a_file_is_as_good_as_none(kept, size):
    kept.file.write_bytes(kept.file.read_bytes()[:size])
    assert kept.load("mine") is None


def test_code_in_the_file_is_not_run(kept, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    torch.save({"identity": "mine", "state": Trap()}, kept.file)
    assert kept.load("mine") is None
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "other",
    [
        checkpoints.identity(material(labels=np.array([1, 1, 0])), Recipe(), 1, 2),
        checkpoints.identity(material(rows=np.array([0, 1, 1])), Recipe(), 1, 2),
        checkpoints.identity(material(bank=np.ones((1, 3, 2, 2, 3), np.uint8)), Recipe(), 1, 2),
        checkpoints.identity(material(), Recipe(batch=64), 1, 2),
        checkpoints.identity(material(), Recipe(), 2, 2),
        checkpoints.identity(material(), Recipe(), 1, 3),
    ],
    ids=["labels", "rows", "pixels", "recipe", "seed", "classes"],
)
def test_whatever_decides_the_result_makes_another_training(other):
    assert checkpoints.identity(material(), Recipe(), 1, 2) != other


# --- invariant


def test_the_state_comes_back(kept):
    found = kept.load("mine")
    assert found["step"] == 3
    assert torch.equal(found["weights"]["a"], torch.ones(2))
    assert [file.name for file in kept.file.parent.iterdir()] == ["checkpoint.pt"]


def test_it_is_due_by_the_clock(tmp_path):
    now = [0.0]
    checkpoint = Checkpoint(tmp_path / "c.pt", every_s=20, clock=lambda: now[0])
    assert not checkpoint.is_due()
    now[0] = 20.0
    assert checkpoint.is_due()
    checkpoint.save("mine", STATE)
    assert not checkpoint.is_due()


def test_removing_twice_is_no_harm(kept):
    kept.remove()
    kept.remove()
    assert kept.load("mine") is None
