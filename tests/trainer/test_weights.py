import json

import pytest
import torch
from safetensors.torch import save_file

from trainer.engine import backbones, weights
from trainer.engine.backbones import NoWeights
from trainer.engine.networks import build as networks
from trainer.engine.recipe import Recipe

RECIPE = Recipe(width=4, resolution=16)
BACKBONE = Recipe(network="timm:test_resnet", resolution=32)


def fresh(recipe=RECIPE, seed=0, classes=3):
    return networks.build(recipe, classes, torch.Generator().manual_seed(seed))


def state(model, prefix="features."):
    return {prefix + name: tensor.contiguous() for name, tensor in model.features.state_dict().items()}


def start_from(path, recipe=RECIPE, model=None):
    wanted = Recipe.from_json({**recipe.to_json(), "weights": str(path)})
    return weights.begin(model or fresh(recipe, seed=9), wanted)


def same(one, other):
    return all(
        torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )


@pytest.fixture
def saved(tmp_path):
    save_file(
        state(fresh(seed=1)) | {"mean": torch.full((3,), 9.0), "deviation": torch.ones(3)},
        tmp_path / "a.safetensors",
    )
    return tmp_path / "a.safetensors"


# --- what must not happen


def test_a_file_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(NoWeights, match=r"There is no weights file .*gone\.pth"):
        start_from(tmp_path / "gone.pth")


@pytest.mark.parametrize("name", ["noise.safetensors", "noise.pth"])
def test_noise_is_a_sentence(tmp_path, name):
    (tmp_path / name).write_bytes(b"no weights at all")
    with pytest.raises(NoWeights, match=r"cannot be read as weights|holds more than weights") as caught:
        start_from(tmp_path / name)
    assert "\n" not in str(caught.value)


class Evil:
    def __reduce__(self):
        return (print, ("executed",))


def test_code_in_a_file_is_never_executed(tmp_path, capsys):
    torch.save({"weights": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(NoWeights, match="holds more than weights, which is never loaded"):
        start_from(tmp_path / "evil.pth")
    assert capsys.readouterr().out == ""


def test_weights_of_another_width_do_not_half_load(tmp_path):
    wide = fresh(Recipe(width=6, resolution=16))
    save_file(state(wide), tmp_path / "wide.safetensors")
    model = fresh(seed=9)
    with pytest.raises(
        NoWeights, match=r"does not fit this network: it fills 0% of it\. It lacks 0\.0\.weight"
    ):
        start_from(tmp_path / "wide.safetensors", model=model)
    assert same(model, fresh(seed=9))


def test_self_supervised_weights_without_a_pretraining_are_a_sentence():
    wanted = Recipe.from_json({**RECIPE.to_json(), "weights": "self-supervised"})
    with pytest.raises(NoWeights, match="start one first"):
        weights.begin(fresh(), wanted)


def test_a_recipe_without_weights_starts_from_none():
    model = fresh()
    assert weights.begin(model, RECIPE) is None
    assert same(model, fresh())


# --- what fits


def test_features_are_taken_and_the_head_stays_as_drawn(saved):
    model = fresh(seed=9)
    start = start_from(saved, model=model)
    assert same(model.features, fresh(seed=1).features)
    assert torch.equal(model.head.weight, fresh(seed=9).head.weight)
    assert (start.missing, start.left_over, start.taken) == ((), (), len(state(model)))
    assert [part.tolist() for part in start.moments] == [[9.0] * 3, [1.0] * 3]
    assert model.mean.tolist() == [9.0] * 3
    assert json.loads(json.dumps(start.to_json()))["digest"] == start.digest


@pytest.mark.parametrize("nested", ["", "state_dict"])
@pytest.mark.parametrize("prefix", ["", "module.", "backbone."])
def test_names_may_stand_under_a_prefix(tmp_path, prefix, nested):
    kept = state(fresh(seed=1), prefix) | {prefix + "fc.weight": torch.zeros(7, 32)}
    torch.save({nested: kept, "epoch": 3} if nested else kept, tmp_path / "w.pth")
    model = fresh(seed=9)
    start = start_from(tmp_path / "w.pth", model=model)
    assert same(model.features, fresh(seed=1).features)
    assert start.left_over == (prefix + "fc.weight",)
    assert start.moments is None


def test_what_did_not_fit_is_named(tmp_path):
    kept = state(fresh(seed=1))
    lost = next(name for name in kept if name.endswith("running_mean"))
    del kept[lost]
    save_file(kept, tmp_path / "w.safetensors")
    assert start_from(tmp_path / "w.safetensors").missing == (lost.removeprefix("features."),)


def test_a_runs_own_model_is_a_start(tmp_path):
    model = fresh(seed=1)
    model.fit_pixels(torch.full((3,), 50.0), torch.full((3,), 20.0))
    save_file(
        {name: tensor.contiguous() for name, tensor in model.state_dict().items()}, tmp_path / "m.safetensors"
    )
    start = start_from(tmp_path / "m.safetensors")
    assert set(start.left_over) == {"head.weight", "head.bias"}
    assert start.moments[0].tolist() == [50.0] * 3


# --- timm's own files


def test_a_timm_file_brings_the_moments_of_its_backbone(tmp_path):
    kept = state(fresh(BACKBONE, seed=1), "") | {"fc.weight": torch.zeros(7, 96)}
    save_file(kept, tmp_path / "timm.safetensors")
    model = fresh(BACKBONE, seed=9)
    start = start_from(tmp_path / "timm.safetensors", BACKBONE, model)
    assert same(model.features, fresh(BACKBONE, seed=1).features)
    assert [part.tolist() for part in start.moments] == [m.tolist() for m in backbones.moments("test_resnet")]


def test_a_transformer_takes_weights_of_another_size(tmp_path):
    large, small = (Recipe(network="timm:test_vit", resolution=side) for side in (64, 32))
    save_file(state(fresh(large, seed=1), ""), tmp_path / "vit.safetensors")
    start = start_from(tmp_path / "vit.safetensors", small)
    assert start.missing == ()
    assert start.taken == len(state(fresh(small)))
