import json

import numpy as np
import pytest
import torch

from tests import toys
from trainer.engine import artifacts, inference, loop, material
from trainer.engine.device import Device
from trainer.engine.material import Examples
from trainer.engine.predictions import TestPredictions
from trainer.engine.recipe import Recipe

CPU = Device("cpu", "fp32")
PIXELS, LABELS = toys.shape_pixels(24, 16, np.random.default_rng(0))


def predictions(**changes):
    values = {
        "keys": np.array(["a", "b"]),
        "labels": np.array([0, 1]),
        "probs": np.array([[0.9, 0.1], [0.2, 0.8]], np.float32),
        "classes": np.array(["x", "y"]),
    }
    return TestPredictions(**{**values, **changes})


@pytest.fixture(scope="module", params=["cnn", "resnet9"])
def kept(request, tmp_path_factory):
    """A trained model and the folder that it was saved in."""
    recipe = Recipe(network=request.param, width=4, resolution=16, min_steps=10, steps_per_root=1.0)
    made = material.as_they_are(Examples(PIXELS, LABELS, tuple(map(str, range(24)))))
    trained = loop.train(made, recipe, 3, seed=0, device=CPU)
    folder = tmp_path_factory.mktemp("runs") / "7" / "1"
    artifacts.save(folder, recipe, trained, predictions(classes=np.array(["x", "y", "ü"])))
    return trained, recipe, folder


def test_a_saved_model_gives_the_same_probabilities(kept):
    trained, recipe, folder = kept
    model, its_recipe, classes = artifacts.load_model(folder / "model.safetensors")
    assert (its_recipe, classes) == (recipe, ("x", "y", "ü"))
    assert np.array_equal(
        inference.predict(model, PIXELS, CPU), inference.predict(trained.model, PIXELS, CPU)
    )
    assert torch.equal(model.mean, trained.model.mean)


def test_the_folder_holds_recipe_history_predictions_and_weights(kept):
    trained, recipe, folder = kept
    assert {file.name for file in folder.iterdir()} == {
        "recipe.json",
        "history.jsonl",
        "predictions.npz",
        "model.safetensors",
    }
    assert Recipe.from_json(json.loads((folder / "recipe.json").read_text())) == recipe
    lines = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    assert lines == [step._asdict() for step in trained.history]


def test_predictions_survive_the_disk(tmp_path):
    predictions().save(tmp_path / "p.npz")
    again = TestPredictions.load(tmp_path / "p.npz")
    assert again.fingerprint == predictions().fingerprint
    assert np.array_equal(again.probs, predictions().probs)


@pytest.mark.parametrize(
    "changes",
    [
        {"keys": np.array(["b", "a"])},
        {"labels": np.array([1, 0])},
        {"classes": np.array(["y", "x"])},
        {"keys": np.array(["ab", ""])},
    ],
)
def test_other_items_labels_or_classes_have_another_fingerprint(changes):
    assert predictions(**changes).fingerprint != predictions().fingerprint


def test_what_a_model_says_is_no_part_of_the_fingerprint():
    changed = predictions(probs=np.full((2, 2), 0.5, np.float32))
    assert changed.fingerprint == predictions().fingerprint
