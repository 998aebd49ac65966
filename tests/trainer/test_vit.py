import pytest
import torch

from trainer.engine.networks import build as networks
from trainer.engine.networks import vit
from trainer.engine.networks.vit import Attention, Patches
from trainer.engine.recipe import Recipe


def build(**more):
    return networks.build(Recipe(network="vit", **more), 3, torch.Generator().manual_seed(0))


def test_another_resolution_is_refused_with_both_numbers():
    with pytest.raises(ValueError, match="this vit takes pictures of 32 pixels a side, got 16 x 16"):
        build(width=4)(torch.zeros(2, 16, 16, 3))


def test_nothing_in_it_knows_the_batch():
    assert not [name for name in build(width=4).state_dict() if "running" in name]


@pytest.mark.parametrize(("width", "channels"), [(1, 32), (4, 32), (5, 64), (8, 64), (24, 192), (48, 384)])
def test_channels_are_whole_heads(width, channels):
    assert build(width=width).head.in_features == channels


@pytest.mark.parametrize(
    ("resolution", "patch", "grid"), [(8, 1, 8), (28, 4, 7), (30, 4, 8), (32, 4, 8), (128, 16, 8)]
)
def test_a_patch_is_an_eighth_of_the_side(resolution, patch, grid):
    made = Patches(resolution, 32)
    assert made.embed.kernel_size == (patch, patch)
    assert made(torch.zeros(1, 3, resolution, resolution)).shape == (1, grid * grid, 32)


def test_every_pixel_is_seen_where_the_side_is_no_multiple_of_the_patch():
    made = Patches(30, 32)
    x = torch.zeros(1, 3, 30, 30, requires_grad=True)
    made(x).square().sum().backward()
    assert (x.grad != 0).all()


def test_positions_are_told_apart():
    places = vit.sine_positions(8, 32)
    apart = torch.cdist(places, places) + torch.eye(64)
    assert places.shape == (64, 32)
    assert apart.min() > 0.1
    assert places.norm(dim=1).tolist() == pytest.approx([4.0] * 64)  # sin^2 + cos^2, 16 times


def test_attention_is_its_closed_form():
    attention, x = Attention(64), torch.randn(2, 5, 64)
    query, key, value = attention.asked(x).chunk(3, -1)
    heads = []
    for h in (slice(0, 32), slice(32, 64)):
        shares = (query[..., h] @ key[..., h].transpose(1, 2) / 32**0.5).softmax(-1)
        heads.append(shares @ value[..., h])
    torch.testing.assert_close(attention(x), attention.told(torch.cat(heads, -1)))


def test_without_positions_the_order_of_patches_would_not_matter():
    model = build(width=4, resolution=8).eval()
    x = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    upright, turned = model.features(x), model.features(x.flip(2))
    assert not torch.allclose(upright, turned, atol=1e-3)
    model.features[0].positions.zero_()
    torch.testing.assert_close(model.features(x), model.features(x.flip(2)), atol=1e-5, rtol=1e-4)
