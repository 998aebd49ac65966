import pytest
import torch

from trainer.engine.networks import build as networks
from trainer.engine.recipe import Recipe


def build(**more):
    values = {"width": 4, "resolution": 16, **more}
    return networks.build(Recipe(network="lstm", **values), 3, torch.Generator().manual_seed(0))


def test_another_resolution_is_refused_with_both_numbers():
    with pytest.raises(ValueError, match="this lstm takes pictures of 16 pixels a side, got 32"):
        build()(torch.zeros(2, 32, 32, 3))


def test_a_row_of_pixels_is_one_step_read_from_both_ends():
    first = build().features.first
    assert (first.input_size, first.hidden_size, first.bidirectional) == (48, 32, True)
    assert build().head.in_features == 64


def test_the_order_of_rows_matters():
    rows = build().features.eval()
    x = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert not torch.allclose(rows(x), rows(x.flip(2)), atol=1e-3)


def test_forget_gates_are_open_at_first_and_recurrent_weights_keep_lengths():
    first = build().features.first
    forget = (first.bias_ih_l0 + first.bias_hh_l0).chunk(4)
    assert [gate.unique().tolist() for gate in forget] == [[0], [1], [0], [0]]
    for gate in first.weight_hh_l0_reverse.chunk(4):
        torch.testing.assert_close(gate @ gate.T, torch.eye(32), atol=1e-5, rtol=0)
