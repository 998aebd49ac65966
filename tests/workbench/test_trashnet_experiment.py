"""The experiment on TrashNet, on a few toy pictures in TrashNet's place."""

import csv
import zipfile

import numpy as np
import pytest

from tests import toys
from trainer.engine.device import Device
from trainer.engine.pretraining import Plan
from trainer.engine.recipe import Recipe
from workbench.experiments import trashnet
from workbench.experiments.trashnet import Trials

SMALL = {"network": "cnn", "width": 4, "resolution": 16}
TRIALS = Trials(
    Plan(epochs=2, batch=16, projector=32, **SMALL),
    Recipe(policy="shift-flip", min_steps=20, steps_per_root=1.0, **SMALL),
    fine_tuned_steps=10,
)


@pytest.fixture
def data(tmp_path):
    """72 shapes, two of them byte-equal under two classes, and one of them twice under one."""
    truth = toys.shape_folder(tmp_path / "images", dict.fromkeys(toys.SHAPES, 24), np.random.default_rng(0))
    folder = tmp_path / "data"
    folder.mkdir()
    copies = {"circle/conflict.png": "square/0000.png", "circle/copy.png": "circle/0001.png"}
    with zipfile.ZipFile(folder / "images.zip", "w") as parcel:
        for name in truth:
            parcel.write(tmp_path / "images" / name, f"images/{name}")
        for name, source in copies.items():
            parcel.write(tmp_path / "images" / source, f"images/{name}")
    with open(folder / "labels.csv", "w", newline="") as out:
        table = csv.writer(out)
        table.writerow(["file", "label"])
        table.writerows([f"images/{name}", name.split("/")[0]] for name in [*truth, *copies])
    return folder


@pytest.fixture
def world(data, tmp_path):
    return trashnet.look(data, tmp_path / "cells", Device("cpu", "fp32"))


def test_pictures_under_two_classes_and_second_copies_are_left_out(world):
    assert len(world.snapshot.keys) == 71
    assert set(world.snapshot.classes) == set(toys.SHAPES)
    assert np.bincount(world.snapshot.labels).tolist() == [24, 23, 24]
    assert np.bincount(world.snapshot.labels[world.snapshot.test_rows]).tolist() == [6, 6, 6]


def test_the_whole_experiment_and_a_second_time_from_what_is_kept(world):
    said = []
    cells = list(trashnet.run(world, 1, said.append, TRIALS))
    assert [cell.name for cell in cells] == [
        "kNN, raw pixels",
        "from scratch, seed 0",
        "kNN, features, seed 0",
        "probe of features, seed 0",
        "fine-tuned features, seed 0",
    ]
    assert all(cell.probs.shape == (18, 3) for cell in cells)
    assert said[:2] == ["features, seed 0: epoch 1 of 2", "features, seed 0: epoch 2 of 2"]
    again = list(trashnet.run(world, 1, said.append, TRIALS))
    assert len(said) == 3
    assert [cell.cpu_s for cell in again] == [cell.cpu_s for cell in cells]
    lines = list(trashnet.table(world, cells))
    assert "gain" not in lines[0]
    assert all("n=18" in line and "CPU-s" in line for line in lines)
    assert lines[1].startswith("from scratch, seed 0")
    assert " gain " in lines[1]
