"""A recurrent network that reads a picture row by row, downward and upward."""

import torch
from torch import Tensor, nn

from trainer.engine.networks.layers import Dropout
from trainer.engine.recipe import Recipe


def lstm(recipe: Recipe, generator: torch.Generator) -> tuple[nn.Module, int]:
    """Return (features, channels): two layers, 8 x width states a direction, the mean over the rows.

    Source: Hochreiter & Schmidhuber 1997, "Long short-term memory"; orthogonal recurrent weights as Saxe et
    al. 2014, forget gates open at first (a bias of 1) as Jozefowicz et al. 2015.
    """
    states = 8 * recipe.width
    features = Rows(recipe.resolution, states, Dropout(recipe.dropout, generator, over_steps=True))
    for layer in (features.first, features.second):
        for name, tensor in layer.named_parameters():
            _draw(name, tensor.data, generator)
    return features, 2 * states


class Rows(nn.Module):
    """(B, 3, R, R) -> (B, 2 * states).  A row of pixels is one step; its colors lie behind one another."""

    def __init__(self, resolution: int, states: int, dropout: Dropout) -> None:
        super().__init__()
        self.resolution = resolution
        self.first = nn.LSTM(3 * resolution, states, batch_first=True, bidirectional=True)
        self.dropout = dropout
        self.second = nn.LSTM(2 * states, states, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        if not torch.onnx.is_in_onnx_export() and x.shape[3] != self.resolution:
            width = int(x.shape[3])
            raise ValueError(f"this lstm takes pictures of {self.resolution} pixels a side, got {width}")
        rows = x.permute(0, 2, 3, 1).flatten(2)  # (B, R, 3R)
        found, _ = self.first(rows)
        found, _ = self.second(self.dropout(found))
        return found.mean(1)  # type: ignore[no-any-return]


def _draw(name: str, tensor: Tensor, generator: torch.Generator) -> None:
    """The four gates (input, forget, cell, output) lie one below the other, `states` rows each."""
    if tensor.ndim == 1:
        nn.init.zeros_(tensor)
        if name.startswith("bias_ih"):  # the other bias is added to this one
            nn.init.ones_(tensor.chunk(4)[1])
        return
    for gate in tensor.chunk(4):
        if name.startswith("weight_hh"):
            nn.init.orthogonal_(gate, generator=generator)
        else:
            nn.init.xavier_uniform_(gate, generator=generator)
