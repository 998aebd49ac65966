"""Several airbench networks as one: each layer holds those of all models as its groups."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.engine.networks.airbench import Whitening
from trainer.engine.networks.build import Classifier


class Grouped(nn.Module):
    """Pixels (G, B, R, R, 3) -> logits (G, B, K); starts from the models' weights, which stay as they are."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, models: Sequence[Classifier]) -> None:
        super().__init__()
        self.groups = len(models)
        self.register_buffer("mean", torch.cat([model.mean for model in models])[:, None, None])
        self.register_buffer("deviation", torch.cat([model.deviation for model in models])[:, None, None])
        stacks = zip(*(cast(nn.Sequential, model.features) for model in models), strict=True)
        self.features = nn.Sequential(*(_joined(stack) for stack in stacks))
        self.weight = nn.Parameter(torch.stack([model.head.weight.detach() for model in models]))
        self.bias = nn.Parameter(torch.stack([model.head.bias.detach() for model in models])[:, None])
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, pixels: Tensor) -> Tensor:
        planes = pixels.permute(1, 0, 4, 2, 3).flatten(1, 2).float()  # (B, 3 G, R, R)
        planes = planes.contiguous(memory_format=torch.channels_last)
        found = self.features((planes - self.mean) / self.deviation)  # (B, G D)
        return torch.baddbmm(
            self.bias, found.view(len(found), self.groups, -1).transpose(0, 1), self.weight.mT
        )


class _Filters(nn.Module):
    """A convolution a group: weights (G O, I, h, w)."""

    def __init__(
        self, weight: Tensor, bias: Tensor | None, padding: int, groups: int, *, fixed: bool
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=not fixed)
        self.bias = None if bias is None else nn.Parameter(bias)
        self._padding, self._groups = padding, groups

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight, self.bias, padding=self._padding, groups=self._groups)


def _joined(stack: tuple[nn.Module, ...]) -> nn.Module:
    """Return one layer that does what each of these does to its own group of channels."""
    first = stack[0]
    if isinstance(first, Whitening):
        layers = cast(tuple[Whitening, ...], stack)
        filters = torch.cat([layer.filters for layer in layers])
        return _Filters(
            filters, torch.cat([layer.bias.detach() for layer in layers]), 0, len(stack), fixed=True
        )
    if isinstance(first, nn.Conv2d):
        weight = torch.cat([cast(nn.Conv2d, layer).weight.detach() for layer in stack])
        return _Filters(weight, None, int(first.padding[0]), len(stack), fixed=False)
    if isinstance(first, nn.BatchNorm2d):
        return _norm(cast(tuple[nn.BatchNorm2d, ...], stack))
    return first  # it treats each channel alike and has no weights


def _norm(layers: tuple[nn.BatchNorm2d, ...]) -> nn.BatchNorm2d:
    first = layers[0]
    joined = nn.BatchNorm2d(len(layers) * first.num_features, first.eps, first.momentum).to(
        first.weight.device
    )
    for name, value in joined.state_dict().items():
        if value.ndim:
            value.copy_(torch.cat([layer.state_dict()[name] for layer in layers]))
    return joined
