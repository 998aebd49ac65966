"""The real timm, its smallest models, random weights: this machine may have no network."""

import ast
import re
import sys
import time
from pathlib import Path

import huggingface_hub
import huggingface_hub.constants
import pytest
import torch

from trainer.engine import backbones
from trainer.engine.backbones import NoBackbone, NoWeights

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("labeling", "augment", "trainer", "workbench")
SMALL = "test_resnet"
NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody answers


def build(name=SMALL, resolution=32, seed=0):
    return backbones.build_timm(name, resolution, torch.Generator().manual_seed(seed))


def weights(module):
    return torch.cat([p.flatten() for p in module.parameters()])


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """A hub that does not answer, and an empty cache."""
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", NOWHERE)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)


# --- what must not happen


def test_no_file_imports_timm_or_torchvision_before_a_backbone_is_asked_for():
    found = set()
    for path in [p for room in ROOMS for p in (ROOT / room).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found |= {path.name for name in names if name.split(".")[0] in ("timm", "torchvision")}
    assert found == set()


def test_no_other_file_knows_their_names():
    files = [p for room in ROOMS for p in (ROOT / room).rglob("*.py")]
    knows = {p.name for p in files if re.search(r"import_module\(.*(timm|torchvision)", p.read_text())}
    assert knows == {"backbones.py"}


@pytest.mark.parametrize(
    ("name", "resolution", "sentence"),
    [
        ("resnet_10", 32, "timm knows no backbone 'resnet_10'; the nearest names are resnet10t, "),
        ("resnet10t.gold", 32, "timm:resnet10t has no weights named 'gold'; there are: c3_in1k."),
        ("test_vit", 70, "timm:test_vit does not take pictures of 70 pixels a side: Input height"),
    ],
)
def test_what_cannot_be_built_is_a_sentence(name, resolution, sentence):
    with pytest.raises(NoBackbone) as caught:
        build(name, resolution)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("missing", ["timm", "torchvision"])
def test_a_missing_library_is_a_sentence(missing, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(NoBackbone, match=r"needs the packages timm and torchvision, and .* is not here"):
        build()


def test_weights_that_cannot_be_fetched_end_in_a_sentence_within_seconds(offline):
    started = time.monotonic()
    with pytest.raises(NoWeights) as caught:
        backbones.fetch("resnet10t")
    assert time.monotonic() - started < 5
    said = str(caught.value)
    assert said.startswith(f"The pretrained weights of timm:resnet10t could not be fetched from {NOWHERE} (")
    assert (
        "fetch model.safetensors of timm/resnet10t.c3_in1k; then name that file as the recipe's weights"
        in said
    )
    assert "\n" not in said


def test_a_backbone_that_was_never_trained_says_so(offline):
    with pytest.raises(NoWeights, match="timm:coatnet_0_224 has no pretrained weights; leave weights empty"):
        backbones.fetch("coatnet_0_224")


def test_building_leaves_torchs_own_generator_alone():
    before = torch.random.get_rng_state()
    build()
    assert torch.equal(torch.random.get_rng_state(), before)


# --- what is built


@pytest.mark.parametrize(
    ("name", "resolution", "channels"),
    [(SMALL, 32, 96), ("test_vit", 64, 64), ("mobilenetv3_small_050", 48, 1024)],
)
def test_a_backbone_gives_a_vector_for_each_picture(name, resolution, channels):
    features, told = build(name, resolution)
    assert told == channels
    assert features.training
    assert features.eval()(torch.zeros(2, 3, resolution, resolution)).shape == (2, channels)


def test_the_generator_decides_about_the_weights():
    one, same, other = (weights(build(seed=seed)[0]) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_moments_are_those_of_the_pretrained_weights():
    mean, deviation = backbones.moments("resnet10t")
    assert mean.tolist() == pytest.approx([123.675, 116.28, 103.53], abs=0.01)
    assert deviation.tolist() == pytest.approx([58.395, 57.12, 57.375], abs=0.01)
    assert backbones.side("resnet10t") == 176


def test_positions_are_resized_to_another_grid():
    large, _ = build("test_vit", 64)
    small, _ = build("test_vit", 32)
    resized = backbones.resized_positions(large.pos_embed, small)
    assert resized.shape == small.pos_embed.shape
    torch.testing.assert_close(resized[:, 0], large.pos_embed[:, 0])  # the class token has no place
    assert backbones.resized_positions(large.pos_embed, build()[0]) is None
