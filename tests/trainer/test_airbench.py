import numpy as np
import pytest
import torch

from tests import toys
from trainer.engine.networks import airbench
from trainer.engine.networks import build as networks
from trainer.engine.networks.airbench import Whitening
from trainer.engine.recipe import Recipe

PIXELS, _ = toys.shape_pixels(60, 16, np.random.default_rng(0))


def build(**more):
    values = {"width": 16, "resolution": 16, **more}
    return networks.build(Recipe(network="airbench", **values), 3, torch.Generator().manual_seed(0))


def whitening():
    return Whitening(torch.Generator().manual_seed(0))


def images(n=60):
    return (torch.from_numpy(PIXELS[:n]).float().permute(0, 3, 1, 2) - 60) / 60


# --- what must not happen


def test_directions_without_variance_stay_silent():
    """Gray pictures as three equal channels: 8 of 12 directions hold nothing."""
    layer, gray = whitening(), images()[:, :1].expand(-1, 3, -1, -1)
    layer.fit(gray)
    silent = layer.filters.abs().sum((1, 2, 3)) == 0
    assert silent.sum() == 16
    assert layer(gray).isfinite().all()


def test_whitening_is_never_trained():
    assert "features.0.filters" not in dict(build().named_parameters())
    assert "features.0.bias" in dict(build().named_parameters())


def test_no_more_pictures_are_looked_at_than_needed(monkeypatch):
    monkeypatch.setattr(airbench, "WHITENED", 20 * 16 * 16)
    assert len(airbench.spread(PIXELS)) == 20
    assert len(airbench.spread(PIXELS[:7])) == 7
    assert np.array_equal(airbench.spread(PIXELS)[:2], PIXELS[[0, 3]])


# --- invariant


def test_whitened_patches_are_uncorrelated_at_equal_variance():
    layer = whitening()
    layer.fit(images())
    seen = layer(images())[:, :12].permute(1, 0, 2, 3).flatten(1).double()
    second = seen @ seen.T / seen.shape[1]
    torch.testing.assert_close(second, torch.diag(second.diagonal()), atol=1e-4, rtol=0)
    assert second.diagonal()[:3].tolist() == pytest.approx([1, 1, 1], abs=0.01)


def test_the_second_half_is_the_first_negated():
    layer = whitening()
    layer.fit(images())
    assert torch.equal(layer.filters[12:], -layer.filters[:12])


def test_filters_pass_their_inputs_on_at_first():
    convolutions = [layer for layer in build().features if isinstance(layer, torch.nn.Conv2d)]
    x = torch.randn(2, 16, 5, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(convolutions[1](x), x)
    torch.testing.assert_close(convolutions[2](x)[:, :16], x)


def test_fitting_whitens_what_the_network_itself_has_normalized():
    model, layer = build(), whitening()
    model.fit(PIXELS)
    layer.fit(model.normalize(torch.from_numpy(PIXELS)))
    torch.testing.assert_close(model.features[0].filters, layer.filters)


# --- determinism


def test_the_order_of_the_pictures_does_not_matter():
    one, other = whitening(), whitening()
    one.fit(images())
    other.fit(images().flip(0))
    torch.testing.assert_close(one.filters.abs(), other.filters.abs(), atol=1e-4, rtol=1e-4)
