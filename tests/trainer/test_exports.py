"""ONNX files that say the same as torch, or do not come into being."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from tests import toys
from trainer.engine import exports, inference, loop, material
from trainer.engine.device import Device
from trainer.engine.exports import NotExportable
from trainer.engine.material import Examples
from trainer.engine.networks import build as networks
from trainer.engine.recipe import NETWORKS, Recipe
from trainer.engine.scoring import NoModel, Scorer

CPU = Device("cpu", "fp32")
PIXELS, LABELS = toys.shape_pixels(24, 16, np.random.default_rng(0))
CLASSES = ("circle", "<b>", "ü")
RECIPE = Recipe(width=4, resolution=16, min_steps=10, steps_per_root=1.0)


@pytest.fixture(scope="module", params=["cnn", "resnet9"])
def written(request, tmp_path_factory):
    """A trained model and what its export says of itself, with the file."""
    recipe = Recipe(network=request.param, width=4, resolution=16, min_steps=10, steps_per_root=1.0)
    made = material.as_they_are(Examples(PIXELS, LABELS, tuple(map(str, range(24)))))
    model = loop.train(made, recipe, 3, seed=0, device=CPU).model
    path = tmp_path_factory.mktemp("runs") / "model.onnx"
    told = exports.export(path, model, recipe, CLASSES, weights="w" * 64, pictures=PIXELS)
    return model, recipe, path, told


class Fickle(nn.Module):
    """Says something else while it is traced than afterwards."""

    def forward(self, x):
        found = x.mean((2, 3))
        return found + 1 if torch.jit.is_tracing() else found


class Untranslatable(nn.Module):
    def forward(self, x):
        return torch.linalg.svd(x.mean(1))[1][:, :3]


def classifier(features):
    model = networks.build(RECIPE, 3, torch.Generator().manual_seed(0)).eval()
    model.features, model.head = features, nn.Linear(3, 3)
    return model


# --- what must not happen


def test_a_model_that_says_something_else_there_gets_no_file(tmp_path):
    with pytest.raises(NotExportable, match="The exported cnn says something else than torch"):
        exports.export(
            tmp_path / "m.onnx", classifier(Fickle()), RECIPE, CLASSES, weights="", pictures=PIXELS
        )
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_onnx_does_not_know_is_a_sentence(tmp_path):
    with pytest.raises(NotExportable, match="This network cannot be written as ONNX"):
        exports.export(
            tmp_path / "m.onnx", classifier(Untranslatable()), RECIPE, CLASSES, weights="", pictures=PIXELS
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("length", [0, 10, 5000, -1])
def test_a_file_that_is_cut_off_scores_nothing(written, length, tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(written[2].read_bytes()[:length])
    with pytest.raises(NoModel, match="This is no model that Seedbed exported"):
        Scorer(path)


def test_a_foreign_model_scores_nothing(written):
    graph = onnx.load(written[2])
    del graph.metadata_props[:]
    with pytest.raises(NoModel, match="This is no model that Seedbed exported"):
        Scorer(graph.SerializeToString())


# --- what comes of it


@pytest.mark.parametrize("network", [*NETWORKS, "timm:test_resnet"])
def test_every_network_can_be_exported_and_says_the_same(network, tmp_path):
    recipe = replace(RECIPE, network=network)
    model = networks.build(recipe, 3, torch.Generator().manual_seed(0))
    model.fit(PIXELS)
    told = exports.export(tmp_path / "m.onnx", model, recipe, CLASSES, weights="", pictures=PIXELS)
    assert told.max_difference <= exports.CLOSE
    one = Scorer(tmp_path / "m.onnx").logits(PIXELS[:1])  # another number of pictures than was traced
    with torch.inference_mode():
        assert np.allclose(one, model(torch.from_numpy(PIXELS[:1])).numpy(), atol=1e-4)


def test_it_agrees_with_torch_and_says_how_far(written):
    model, _, path, told = written
    with torch.inference_mode():
        ours = model(torch.from_numpy(PIXELS)).numpy()
    theirs = Scorer(path).logits(PIXELS)
    assert np.abs(ours - theirs).max() <= told.max_difference <= exports.CLOSE
    assert (told.same_class, told.pictures, told.opset) == (1.0, 24 + exports.RANDOM, 17)


def test_probabilities_are_torchs_of_any_rows_in_any_batch(written, monkeypatch):
    model, _, path, _ = written
    rows = np.array([5, 3, 3, 20])
    scorer = Scorer(path)
    assert np.allclose(
        scorer.probs(PIXELS, rows), inference.predict(model, PIXELS, CPU, rows=rows), atol=1e-5
    )
    assert np.allclose(scorer.probs(PIXELS).sum(1), 1)
    whole = scorer.probs(PIXELS)
    monkeypatch.setattr("trainer.engine.scoring.BATCH", 7)
    assert np.allclose(scorer.probs(PIXELS), whole, atol=1e-6)
    assert scorer.probs(PIXELS, rows[:0]).shape == (0, 3)


def test_the_file_tells_what_it_is(written):
    _, recipe, path, told = written
    scorer, graph = Scorer(path), onnx.load(path)
    assert (scorer.classes, scorer.resolution, scorer.weights) == (CLASSES, 16, "w" * 64)
    notes = {prop.key: prop.value for prop in graph.metadata_props}
    assert Recipe.from_json(json.loads(notes["recipe"])) == recipe
    assert [port.name for port in (*graph.graph.input, *graph.graph.output)] == ["pixels", "logits"]
    sides = [side.dim_value for side in graph.graph.input[0].type.tensor_type.shape.dim]
    assert sides == [0, 16, 16, 3]  # 0: any number of pictures
    assert graph.opset_import[0].version == told.opset
    assert path.stat().st_size == told.size_bytes


def test_exporting_again_gives_the_same_file(written, tmp_path):
    model, recipe, path, told = written
    again = exports.export(tmp_path / "m", model, recipe, CLASSES, weights="w" * 64, pictures=PIXELS[:5])
    assert again.sha256 == told.sha256
    assert (tmp_path / "m").read_bytes() == path.read_bytes()
