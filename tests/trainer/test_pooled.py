"""The first convolution with its pool in one, against the two layers that it stands for."""

import pytest
import torch
from torch import nn

from trainer.engine.networks.pooled import NARROW, PooledConv


def layer(after=8, seed=0):
    made = PooledConv(3, after).to(memory_format=torch.channels_last)
    nn.init.normal_(made.weight, generator=torch.Generator().manual_seed(seed))
    return made.train()


def pictures(side, seed=1):
    drawn = torch.randn(5, side, side, 3, generator=torch.Generator().manual_seed(seed))
    return drawn.permute(0, 3, 1, 2)  # channels last


def in_two(made, x):
    return nn.functional.max_pool2d(nn.functional.conv2d(x, made.weight, padding=1), 2)


def slopes(result, weight):
    """Return how a sum of the results, each times a whole number, changes with the weights."""
    times = (torch.arange(result.numel()) % 7 - 2.0).view(result.shape)
    return torch.autograd.grad((result.float() * times).sum(), weight)[0]


def error(found, exact):
    return (found - exact).norm() / exact.norm()


# --- what must not happen


@pytest.mark.parametrize(
    ("made", "x"),
    [
        (layer().eval(), pictures(8)),
        (layer(), pictures(8).contiguous()),
        (layer(NARROW + 1), pictures(8)),
    ],
    ids=["after training", "channels first", "wide"],
)
def test_where_it_does_not_pay_the_two_layers_run(made, x):
    assert not made._pays(x)
    assert torch.equal(made(x), in_two(made, x))


def test_its_places_are_no_weights():
    assert list(layer().state_dict()) == ["weight"]


# --- reference


@pytest.mark.parametrize("side", [8, 9, 15, 28, 32])
@pytest.mark.parametrize("after", [1, 4, 8])
def test_it_gives_what_convolution_and_pool_give(side, after):
    made, x = layer(after), pictures(side)
    assert made._pays(x)
    result, expected = made(x), in_two(made, x)
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)
    found = slopes(result, made.weight)
    torch.testing.assert_close(found, slopes(expected, made.weight), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_where_places_are_level_the_slope_goes_to_the_one_that_the_pool_takes(value):
    """Whole numbers, so that level places are level to the bit; flat ground is level everywhere."""
    made, x = layer(2), torch.full((2, 8, 8, 3), value).permute(0, 3, 1, 2)
    nn.init.constant_(made.weight, 1.0)
    x[:, :, 3:5, 2] += torch.tensor([1.0, 2.0])
    assert torch.equal(made(x), in_two(made, x))
    assert torch.equal(slopes(made(x), made.weight), slopes(in_two(made, x), made.weight))


def test_in_bf16_it_comes_as_near_as_the_two_layers_do():
    made, x = layer(), pictures(16)
    exact = in_two(made, x)
    with torch.autocast("cpu", torch.bfloat16):
        rough, rough_in_two = made(x), in_two(made, x)
    assert rough.dtype == torch.bfloat16
    assert error(rough, exact) <= 1.5 * error(rough_in_two, exact)
    slope, slope_in_two, exact_slope = (slopes(one, made.weight) for one in (rough, rough_in_two, exact))
    assert error(slope, exact_slope) <= 1.5 * error(slope_in_two, exact_slope)
