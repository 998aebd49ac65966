import dataclasses

import numpy as np
import pytest
import torch

from tests import toys
from trainer.engine import features, material, tuning
from trainer.engine.device import Device
from trainer.engine.material import Examples
from trainer.engine.networks import build as networks
from trainer.engine.recipe import Recipe

CPU = Device("cpu", "fp32")
RECIPE = Recipe(width=4, resolution=16, weights="a file", tuning="probe")
PIXELS, LABELS = toys.shape_pixels(90, 16, np.random.default_rng(0))


def shapes():
    return material.as_they_are(Examples(PIXELS, LABELS, tuple(map(str, range(90)))))


def fresh(seed=0):
    model = networks.build(RECIPE, 3, torch.Generator().manual_seed(seed))
    model.fit_pixels(torch.full((3,), 60.0), torch.full((3,), 50.0))
    return model.train()


def bits(model):
    return {
        name: tensor.clone() for name, tensor in model.state_dict().items() if not name.startswith("head.")
    }


def probe(model, made=None):
    return tuning.probe(model, made or shapes(), RECIPE, device=CPU)


# --- what must not happen


def test_a_probe_leaves_every_bit_of_the_features():
    model = fresh()
    before = bits(model)
    probe(model)
    assert all(torch.equal(tensor, before[name]) for name, tensor in bits(model).items())


# --- invariant


def test_the_head_is_solved_on_what_the_model_itself_says():
    model = fresh()
    probed = probe(model)
    with torch.no_grad():
        right = model.eval()(torch.from_numpy(PIXELS)).argmax(1) == torch.from_numpy(LABELS)
    assert right.float().mean().item() == pytest.approx(probed.accuracy, abs=1e-6)
    assert probed.accuracy > 0.7  # three shapes: guessing gives a third, and random filters see something


def test_repeated_rows_count_repeatedly():
    model, balanced = fresh(), fresh()
    made = shapes()
    rare = dataclasses.replace(
        made, rows=np.concatenate([made.rows, np.repeat(np.flatnonzero(LABELS == 2), 30)])
    )
    probe(model)
    probe(balanced, rare)
    with torch.no_grad():
        calls = [(m.eval()(torch.from_numpy(PIXELS)).argmax(1) == 2).sum() for m in (model, balanced)]
    assert calls[1] >= calls[0]
    assert not torch.equal(model.head.bias, balanced.head.bias)


def test_every_version_of_a_picture_is_seen():
    made = shapes()
    dark = dataclasses.replace(made, bank=np.stack([PIXELS, PIXELS // 2]))
    one, two = fresh(), fresh()
    probe(one)
    probe(two, dark)
    assert not torch.equal(one.head.weight, two.head.weight)
    vectors = [features.embed(two, bank, device=CPU) for bank in dark.bank]
    calls = [
        (v @ two.head.weight.detach().numpy().T + two.head.bias.detach().numpy()).argmax(1) for v in vectors
    ]
    assert min((call == LABELS).mean() for call in calls) > 0.6


def test_a_probe_repeats():
    one, same = fresh(), fresh()
    assert probe(one) == probe(same)
    assert torch.equal(one.head.weight, same.head.weight)
