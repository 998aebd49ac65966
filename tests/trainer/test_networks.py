import numpy as np
import pytest
import torch

from trainer.engine import networks, recipe
from trainer.engine.networks import Dropout
from trainer.engine.recipe import Recipe

every_network = pytest.mark.parametrize("name", recipe.NETWORKS)


def build(name="cnn", seed=0, **more):
    return networks.build(Recipe(network=name, width=4, **more), 5, torch.Generator().manual_seed(seed))


def pictures(side, n=3):
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (n, side, side, 3), dtype=np.uint8))


def test_the_recipe_knows_exactly_the_networks_that_there_are():
    assert set(networks.BUILDERS) == set(recipe.NETWORKS)


@every_network
def test_building_leaves_torchs_own_generator_alone(name):
    before = torch.random.get_rng_state()
    build(name)
    assert torch.equal(torch.random.get_rng_state(), before)


@every_network
@pytest.mark.parametrize("side", [8, 15, 32, 64])
def test_every_network_takes_every_resolution(name, side):
    assert build(name).eval()(pictures(side)).shape == (3, 5)


@every_network
def test_the_seed_decides_about_the_weights(name):
    one, same, other = (torch.cat([p.flatten() for p in build(name, s).parameters()]) for s in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@every_network
def test_a_picture_does_not_change_its_neighbors(name):
    model = build(name).eval()
    torch.testing.assert_close(model(pictures(16))[1:2], model(pictures(16)[1:2]), rtol=1e-4, atol=1e-3)


@every_network
def test_pixels_are_normalized_inside(name):
    model = build(name).eval()
    dark = pictures(16) // 3
    plain = model(dark)
    model.fit_pixels(torch.full((3,), 10.0), torch.full((3,), 2.0))
    torch.testing.assert_close(model(dark * 2 + 10), plain)


def test_a_constant_channel_does_not_divide_by_zero():
    model = build().eval()
    model.fit_pixels(torch.zeros(3), torch.zeros(3))
    assert model(torch.zeros(2, 8, 8, 3, dtype=torch.uint8)).isfinite().all()


def test_dropout_keeps_the_mean_and_repeats_with_its_generator():
    ones = torch.ones(40_000)
    first, second = (Dropout(0.3, torch.Generator().manual_seed(1)).train()(ones) for _ in range(2))
    assert torch.equal(first, second)
    assert first.mean() == pytest.approx(1, abs=0.02)
    assert (first == 0).float().mean() == pytest.approx(0.3, abs=0.01)


def test_dropout_rests_outside_training():
    assert torch.equal(Dropout(0.9, torch.Generator()).eval()(torch.ones(9)), torch.ones(9))
