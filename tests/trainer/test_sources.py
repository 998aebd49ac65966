import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests import toys
from trainer.engine import artifacts, backbones, features, self_supervised, sources
from trainer.engine.backbones import NoWeights
from trainer.engine.device import Device
from trainer.engine.networks import build as networks
from trainer.engine.pretraining import Plan
from trainer.engine.recipe import Recipe
from trainer.engine.self_supervised import Pretrained
from trainer.engine.sources import UnknownSource

CPU = Device("cpu", "fp32")
RECIPE = Recipe(network="cnn", width=4, resolution=16)
PIXELS, _ = toys.shape_pixels(6, 16, np.random.default_rng(0))
ROWS = np.array([4, 1])


def model(recipe=RECIPE, seed=1):
    return networks.build(recipe, 3, torch.Generator().manual_seed(seed)).eval()


@pytest.mark.parametrize("source", ["", "pixel", "pixels:big", "timm", "timm:", "run:3", "pretraining:3"])
def test_what_is_no_source_is_a_sentence(source):
    with pytest.raises(UnknownSource, match="known are pixels, pretraining, run, timm"):
        sources.find(source)


def test_a_backbone_whose_weights_are_not_there_is_a_sentence(tmp_path):
    with pytest.raises(NoWeights, match=r"There is no weights file /nowhere/w\.pth"):
        sources.find("timm:test_resnet:/nowhere/w.pth")


@pytest.mark.parametrize(("source", "side"), [("pixels", 16), ("pixels:8", 8)])
def test_pixels_embed_as_they_are(source, side):
    found = sources.find(source)
    assert found.resolution == side
    assert np.array_equal(found.embed(PIXELS, ROWS, CPU), features.raw(PIXELS, ROWS))


def test_a_pretraining_embeds_by_its_features(tmp_path):
    plan = Plan(network="cnn", width=4, resolution=16)
    learned = Pretrained(model(), ())
    self_supervised.save(tmp_path / "f.safetensors", learned, plan)
    found = sources.find("pretraining:3", tmp_path / "f.safetensors")
    expected = features.embed(learned.model, PIXELS, device=CPU, rows=ROWS)
    assert found.resolution == 16
    assert np.array_equal(found.embed(PIXELS, ROWS, CPU), expected)


def test_a_run_embeds_by_what_its_head_looks_at(tmp_path):
    artifacts.save_model(tmp_path / "m.safetensors", model(), RECIPE, ["a", "b", "c"])
    found = sources.find("run:42", tmp_path / "m.safetensors")
    expected = features.embed(model(), PIXELS, device=CPU, rows=ROWS)
    assert np.array_equal(found.embed(PIXELS, ROWS, CPU), expected)


def test_a_backbone_embeds_with_the_weights_of_a_file(tmp_path):
    recipe = Recipe(network="timm:test_resnet", resolution=backbones.side("test_resnet"))
    kept = {name: t.contiguous() for name, t in model(recipe).features.state_dict().items()}
    save_file(kept, tmp_path / "w.safetensors")
    found = sources.find(f"timm:test_resnet:{tmp_path}/w.safetensors")
    assert found.resolution == 160
    pixels = np.zeros((1, 160, 160, 3), np.uint8)
    assert found.embed(pixels, np.array([0]), CPU).shape == (1, 96)


def test_other_weights_are_another_source(tmp_path):
    prints = []
    for seed in (1, 1, 2):
        artifacts.save_model(tmp_path / "m.safetensors", model(seed=seed), RECIPE, ["a", "b", "c"])
        prints.append(sources.find("run:42", tmp_path / "m.safetensors").fingerprint)
    assert prints[0] == prints[1] != prints[2]
