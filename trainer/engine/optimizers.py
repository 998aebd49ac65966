"""Optimizers by name.  Every parameter group carries its "scale": its rate is the schedule's times that."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from trainer.engine.networks.airbench import Whitening
from trainer.engine.networks.build import Classifier
from trainer.engine.recipe import Recipe

Group = dict[str, Any]  # as torch's optimizers take and keep them
FINE_TUNING = 0.1  # the features' share of the head's rate where they start from weights (science.md 9)
BESIDE_MUON = 0.3  # AdamW's share of Muon's rate; 0.1 and 1 gave the same accuracy within the noise
BETAS, EPSILON = (0.9, 0.999), 1e-8  # of AdamW, as torch has them
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # coefficients of the iteration
ROUNDS = 5  # of the iteration: singular values then lie between about 0.7 and 1.2
SMALLEST = 1e-7  # norm below which a gradient counts as none


def build(model: Classifier, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the recipe's optimizer over all of the model's weights.

    Features that start from weights take a tenth of the head's rate.
    Only weights (tensors with ndim > 1) decay, not biases nor the scales of norms: "adamw" and "muon" shrink
    them by rate x decay, "sgd" and "adam" add the decay to the gradient.
    """
    start = 1.0 if recipe.weights is None else FINE_TUNING
    groups = [*_features(model.features, recipe, start), *_by_decay(list(model.head.parameters()), recipe)]
    made = _MAKERS[recipe.optimizer](_united(groups), recipe)
    set_rate(made, recipe.learning_rate)
    return made


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Let the next step take this rate, times the scale of each group."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]


class Muon(torch.optim.Optimizer):
    """Muon for the groups marked "orthogonal", AdamW for the others: one optimizer, one state.

    Muon replaces the momentum of a matrix by the nearest orthogonal one, so that it moves in all directions
    alike; a filter (out, in, h, w) is the matrix (out, in * h * w).
    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; with matrices it
    takes the steps of torch.optim.Muon.  Unlike the CIFAR-10 record's, it never rescales the weights.
    """

    def __init__(self, groups: list[Group], rate: float, momentum: float) -> None:
        defaults = {"lr": rate, "momentum": momentum, "weight_decay": 0.0, "scale": 1.0, "orthogonal": False}
        super().__init__(groups, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        value = None
        if closure is not None:
            with torch.enable_grad():
                value = closure()
        for group in self.param_groups:
            trained = [p for p in group["params"] if p.grad is not None]
            if group["orthogonal"]:
                self._move_orthogonally(trained, group)
            else:
                self._move_by_adamw(trained, group)
        return value

    def _move_orthogonally(self, trained: list[Tensor], group: Group) -> None:
        rate, momentum = group["lr"], group["momentum"]
        for weight in trained:
            gradient, state = weight.grad, self.state[weight]
            assert gradient is not None
            if not state:
                state["momentum_buffer"] = torch.zeros_like(gradient)
            held = state["momentum_buffer"].lerp_(gradient, 1 - momentum)
            move = orthogonalize(gradient.lerp(held, momentum).flatten(1))
            wide = max(1.0, move.shape[0] / move.shape[1]) ** 0.5
            weight.mul_(1 - rate * group["weight_decay"])
            weight.add_(move.reshape(weight.shape), alpha=-rate * wide)

    def _move_by_adamw(self, trained: list[Tensor], group: Group) -> None:
        states = [self.state[weight] for weight in trained]
        for weight, state in zip(trained, states, strict=True):
            if not state:
                state["step"] = torch.tensor(0.0)
                state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(weight), torch.zeros_like(weight)
        adamw(
            trained,
            [weight.grad for weight in trained if weight.grad is not None],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],  # largest squares: of AMSGrad alone
            [state["step"] for state in states],
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=EPSILON,
            maximize=False,
        )


def orthogonalize(matrix: Tensor) -> Tensor:
    """Return U V^T, roughly, in bf16, of a matrix (rows, columns) = U S V^T.

    Newton-Schulz: X <- aX + (b XX^T + c (XX^T)^2) X, from X of norm 1; singular values come near 1 only.
    """
    a, b, c = NEWTON_SCHULZ
    x = matrix.bfloat16()
    upright = x.shape[0] > x.shape[1]
    x = x.T if upright else x
    x = x / x.norm().clamp(min=SMALLEST)
    for _ in range(ROUNDS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if upright else x


def _features(features: nn.Module, recipe: Recipe, scale: float) -> list[Group]:
    """Muon takes the inner filters and matrices: neither positions and other tables, nor what sees pixels."""
    trained = [p for p in features.parameters() if p.requires_grad]
    if recipe.optimizer != "muon":
        return _by_decay(trained, recipe, scale)
    weights = [p for p in trained if p.ndim in (2, 4)]
    whitened = any(isinstance(layer, Whitening) for layer in features.modules())
    inner = weights if whitened else weights[1:]
    orthogonal = {"params": inner, "weight_decay": recipe.weight_decay, "scale": scale, "orthogonal": True}
    taken = {id(p) for p in inner}
    others = [p for p in trained if id(p) not in taken]
    return [*([orthogonal] if inner else []), *_by_decay(others, recipe, scale)]


def _by_decay(weights: list[nn.Parameter], recipe: Recipe, scale: float = 1.0) -> list[Group]:
    if recipe.optimizer == "muon":
        scale = scale * BESIDE_MUON
    kinds = (
        ([p for p in weights if p.ndim > 1], recipe.weight_decay),
        ([p for p in weights if p.ndim <= 1], 0.0),
    )
    return [{"params": kind, "weight_decay": decay, "scale": scale} for kind, decay in kinds if kind]


def _united(groups: list[Group]) -> list[Group]:
    """Return the groups with those that differ in nothing put together: each costs 40 us a step."""
    united: list[Group] = []
    for group in groups:
        like = [other for other in united if _but_weights(other) == _but_weights(group)]
        if like:
            like[0]["params"] += group["params"]
        else:
            united.append(group)
    return united


def _but_weights(group: Group) -> Group:
    return {name: value for name, value in group.items() if name != "params"}


_MAKERS: dict[str, Callable[[list[Group], Recipe], torch.optim.Optimizer]] = {
    "sgd": lambda groups, recipe: torch.optim.SGD(
        groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=True
    ),
    "adam": lambda groups, recipe: torch.optim.Adam(groups, lr=recipe.learning_rate, fused=True),
    "adamw": lambda groups, recipe: torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True),
    "muon": lambda groups, recipe: Muon(groups, recipe.learning_rate, recipe.momentum),
}
