import copy
import dataclasses
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from trainer.engine import optimizers, recipe
from trainer.engine.networks import build as networks
from trainer.engine.optimizers import Muon
from trainer.engine.recipe import Recipe

SMALL = Recipe(network="resnet9", width=4, resolution=8, weight_decay=0.1)
PICTURES = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8))
every_optimizer = pytest.mark.parametrize("name", recipe.OPTIMIZERS)
every_network = pytest.mark.parametrize("network", recipe.NETWORKS)


def build(**more):
    chosen = dataclasses.replace(SMALL, **more)
    model = networks.build(chosen, 3, torch.Generator().manual_seed(0))
    model.fit(PICTURES.numpy())
    return model, optimizers.build(model, chosen)


def walk(model, optimizer, steps):
    """Take some steps; returns all weights, one behind another."""
    for _ in range(steps):
        optimizer.zero_grad()
        model.train()(PICTURES).logsumexp(1).sum().backward()
        optimizer.step()
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def in_groups(optimizer):
    return [p for group in optimizer.param_groups for p in group["params"]]


# --- what must not happen


@every_optimizer
@every_network
def test_every_weight_is_in_exactly_one_group(network, name):
    model, optimizer = build(network=network, optimizer=name)
    assert sorted(map(id, in_groups(optimizer))) == sorted(map(id, model.parameters()))


@every_optimizer
def test_neither_biases_nor_norms_decay(name):
    _, optimizer = build(optimizer=name)
    decays = {p.ndim > 1: group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert decays == {True: 0.1, False: 0.0}


@pytest.mark.parametrize("network", ["resnet9", "lstm", "vit"])
def test_muon_takes_neither_head_nor_first_layer_nor_biases(network):
    model, optimizer = build(network=network, optimizer="muon")
    taken = {id(p) for group in optimizer.param_groups if group["orthogonal"] for p in group["params"]}
    names = [name for name, p in model.named_parameters() if id(p) in taken]
    first = next(name for name, p in model.named_parameters() if p.ndim > 1)
    assert names
    assert not {first, "head.weight"} & set(names)
    assert all(p.ndim in (2, 4) for p in model.parameters() if id(p) in taken)


def test_muon_takes_every_filter_behind_a_whitening_layer():
    model, optimizer = build(network="airbench", optimizer="muon")
    taken = [p for group in optimizer.param_groups if group["orthogonal"] for p in group["params"]]
    assert [id(p) for p in taken] == [id(p) for p in model.features.parameters() if p.ndim == 4]


@pytest.mark.parametrize("scale", [0.0, 1e-30])
def test_a_gradient_of_nothing_does_not_become_nan(scale):
    assert optimizers.orthogonalize(torch.full((3, 4), scale)).isfinite().all()


# --- reference


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (3, 40)])
def test_muon_takes_torchs_steps_with_matrices(shape):
    rng = torch.Generator().manual_seed(0)
    ours, theirs = (nn.Parameter(torch.randn(shape, generator=rng.manual_seed(1))) for _ in range(2))
    group = {"params": [ours], "weight_decay": 0.1, "orthogonal": True}
    made = Muon([group], 0.05, 0.9)
    reference = torch.optim.Muon([theirs], lr=0.05, weight_decay=0.1, momentum=0.9)
    for seed in range(4):
        ours.grad, theirs.grad = (torch.randn(shape, generator=rng.manual_seed(seed)) for _ in range(2))
        made.step()
        reference.step()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_a_filter_moves_as_the_matrix_that_it_flattens_to():
    rng = torch.Generator().manual_seed(0)
    flat, gradient = (torch.randn(8, 4 * 3 * 3, generator=rng) for _ in range(2))
    filters = nn.Parameter(flat.reshape(8, 4, 3, 3).contiguous(memory_format=torch.channels_last))
    filters.grad = gradient.reshape(8, 4, 3, 3).contiguous(memory_format=torch.channels_last)
    matrix = nn.Parameter(flat.clone())
    matrix.grad = gradient
    for weight in (filters, matrix):
        Muon([{"params": [weight], "orthogonal": True}], 0.1, 0.9).step()
    assert torch.equal(filters.flatten(1), matrix)


def twin_groups(model):
    return [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]


torchs_own = pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("sgd", partial(torch.optim.SGD, lr=0.02, momentum=0.9, nesterov=True)),
        ("adam", partial(torch.optim.Adam, lr=0.02)),
        ("adamw", partial(torch.optim.AdamW, lr=0.02)),
    ],
)


@torchs_own
def test_the_others_are_torchs_own(name, reference):
    model, optimizer = build(optimizer=name, learning_rate=0.02)
    twin, _ = build(optimizer=name)
    assert torch.equal(walk(model, optimizer, 3), walk(twin, reference(twin_groups(twin), fused=True), 3))


@torchs_own
def test_in_one_kernel_they_take_the_steps_of_the_plain_formula(name, reference):
    made, plain = (nn.Parameter(torch.linspace(-1, 1, 60).view(6, 10)) for _ in range(2))
    optimizers_of = (reference([made], fused=True), reference([plain], foreach=False, fused=False))
    for step in range(1, 6):
        for weight, optimizer in zip((made, plain), optimizers_of, strict=True):
            weight.grad = torch.sin(step * torch.arange(60.0)).view(6, 10)
            optimizer.step()
    torch.testing.assert_close(made, plain, rtol=1e-6, atol=1e-6)


def test_beside_muon_the_others_take_torchs_adamw_steps():
    ours, theirs = (nn.Parameter(torch.linspace(-1, 1, 5)) for _ in range(2))
    made = Muon([{"params": [ours], "weight_decay": 0.1}], 0.05, 0.9)
    reference = torch.optim.AdamW([theirs], lr=0.05, weight_decay=0.1)
    for step in range(1, 5):
        ours.grad = theirs.grad = torch.linspace(0, step, 5)
        made.step()
        reference.step()
    assert torch.equal(ours, theirs)


def test_without_momentum_sgd_is_plain():
    _, optimizer = build(optimizer="sgd", momentum=0.0)
    assert not optimizer.param_groups[0]["nesterov"]


@pytest.mark.parametrize("shape", [(8, 8), (4, 12), (12, 4)])
def test_singular_values_come_near_one(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(optimizers.orthogonalize(matrix).float())
    assert ((values > 0.6) & (values < 1.3)).all()


# --- invariant


@every_optimizer
def test_a_rate_reaches_every_group_times_its_scale(name):
    _, optimizer = build(optimizer=name, weights="self-supervised", learning_rate=0.3)
    assert all(group["lr"] == 0.3 * group["scale"] for group in optimizer.param_groups)
    optimizers.set_rate(optimizer, 0.002)
    assert all(group["lr"] == 0.002 * group["scale"] for group in optimizer.param_groups)


def test_features_that_start_from_weights_take_a_tenth_of_the_heads_rate():
    model, optimizer = build(weights="self-supervised")
    scales = {id(p): group["scale"] for group in optimizer.param_groups for p in group["params"]}
    assert {scales[id(p)] for p in model.features.parameters()} == {0.1}
    assert {scales[id(p)] for p in model.head.parameters()} == {1.0}


def test_a_rate_of_nothing_moves_nothing():
    model, optimizer = build(optimizer="muon")
    optimizers.set_rate(optimizer, 0.0)
    before = torch.cat([p.detach().flatten() for p in model.parameters()])
    assert torch.equal(walk(model, optimizer, 2), before)


def test_a_step_gives_the_closures_value():
    weight = nn.Parameter(torch.ones(2, 2))
    weight.grad = torch.ones(2, 2)
    assert Muon([{"params": [weight]}], 0.1, 0.9).step(lambda: 7.0) == 7.0


@every_optimizer
def test_from_scratch_head_and_features_share_their_groups(name):
    _, alike = build(optimizer=name)
    _, apart = build(optimizer=name, weights="self-supervised")
    assert len(alike.param_groups) == len(apart.param_groups) - 2


# --- determinism


@every_optimizer
def test_steps_repeat(name):
    assert torch.equal(walk(*build(optimizer=name), 3), walk(*build(optimizer=name), 3))


@every_optimizer
@every_network
def test_a_state_dict_carries_on_with_the_same_steps(network, name):
    model, optimizer = build(network=network, optimizer=name, dropout=0.0)
    walk(model, optimizer, 2)
    twin, other = build(network=network, optimizer=name, dropout=0.0)
    twin.load_state_dict(copy.deepcopy(model.state_dict()))
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert torch.equal(walk(twin, other, 2), walk(model, optimizer, 2))


# --- convergence


@every_optimizer
def test_every_optimizer_goes_downhill(name):
    model, optimizer = build(optimizer=name, learning_rate=0.01, weight_decay=0.0, dropout=0.0)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    losses = []
    for _ in range(25):
        loss = nn.functional.cross_entropy(model.train()(PICTURES), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
