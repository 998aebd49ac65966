"""A timm backbone on real photographs, from a weights file that the test saved itself.

Loading, probing and fine-tuning are claimed, no accuracy: the weights are random.
"""

import csv
import dataclasses
import io
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from trainer.engine import artifacts, inference, loop, material
from trainer.engine.device import Device
from trainer.engine.material import Examples
from trainer.engine.networks import build as networks
from trainer.engine.recipe import Recipe

CPU = Device("cpu", "fp32")
SIDE, EACH = 48, 8
RECIPE = Recipe(
    network="timm:test_resnet",
    resolution=SIDE,
    policy="shift-flip",
    learning_rate=0.01,
    batch=16,
    min_steps=12,
    steps_per_root=1.0,
)


@pytest.fixture
def photographs(shared_data):
    """Eight photographs of each of the six classes."""
    folder = shared_data / "trashnet-256"
    with open(folder / "labels.csv", newline="") as table:
        rows = sorted(csv.DictReader(table), key=lambda row: row["file"])
    classes = sorted({row["label"] for row in rows})
    chosen = [row for name in classes for row in [r for r in rows if r["label"] == name][:EACH]]
    with zipfile.ZipFile(folder / "images.zip") as parcel:
        pictures = [Image.open(io.BytesIO(parcel.read(row["file"]))).resize((SIDE, SIDE)) for row in chosen]
    labels = np.array([classes.index(row["label"]) for row in chosen], dtype=np.int64)
    return Examples(np.stack([np.asarray(one) for one in pictures]), labels, tuple(r["file"] for r in chosen))


@pytest.fixture
def weights_file(tmp_path):
    """Weights as timm publishes them: the backbone's names, and a head for 1,000 classes."""
    model = start()
    kept = {name: tensor.contiguous() for name, tensor in model.features.state_dict().items()}
    save_file(
        kept | {"fc.weight": torch.zeros(1000, 96), "fc.bias": torch.zeros(1000)}, tmp_path / "w.safetensors"
    )
    return tmp_path / "w.safetensors"


def start():
    """A backbone whose norms have seen pictures, as those of a trained one have."""
    model = networks.build(RECIPE, 2, torch.Generator().manual_seed(5)).train()
    noise = np.random.default_rng(0).integers(0, 256, (32, SIDE, SIDE, 3), dtype=np.uint8)
    model.fit_pixels(*networks.pixel_moments(noise))
    for _ in range(40):
        model(torch.from_numpy(noise))
    return model


def train(photographs, file, tuning):
    recipe = dataclasses.replace(RECIPE, weights=str(file), tuning=tuning)
    return recipe, loop.train(material.as_they_are(photographs), recipe, 6, seed=1, device=CPU)


def features(model):
    return {name: t for name, t in model.state_dict().items() if name.startswith("features.")}


def test_a_backbone_from_a_file_is_probed(photographs, weights_file):
    _, trained = train(photographs, weights_file, "probe")
    assert all(torch.equal(t, features(trained.model)[name]) for name, t in features(start()).items())
    told = trained.began["weights"]
    assert told["missing"] == []
    assert sorted(told["left_over"]) == ["fc.bias", "fc.weight"]
    assert trained.history[-1].accuracy > 2 / 6  # of the training pictures, twice as many as by guessing


@pytest.mark.parametrize("tuning", ["full", "probe-then-full"])
def test_a_backbone_from_a_file_is_fine_tuned(photographs, weights_file, tuning, tmp_path):
    recipe, trained = train(photographs, weights_file, tuning)
    begun = features(start())
    moved = [name for name, t in begun.items() if not torch.equal(t, features(trained.model)[name])]
    assert len(moved) > len(begun) / 2
    assert trained.steps == 12
    artifacts.save_model(tmp_path / "m.safetensors", trained.model, recipe, list("abcdef"))
    loaded, _, _ = artifacts.load_model(tmp_path / "m.safetensors")
    said = inference.predict(trained.model, photographs.pixels, CPU)
    assert np.array_equal(inference.predict(loaded, photographs.pixels, CPU), said)
