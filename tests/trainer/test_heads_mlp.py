"""Small networks, all subsets at once: each is what it would be alone."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from labeling.progress import Cancelled
from tests.trainer.heads_world import lacking, problem
from trainer.engine.heads import mlp

SEEDS = np.arange(6).reshape(2, 3)


def fit(whole, seeds=SEEDS, **more):
    return mlp.fit(whole, seeds, **more)


# --- what must not happen


def test_every_subset_has_a_seed():
    with pytest.raises(ValueError, match=r"seeds must be \(2, 3\), got \(3, 2\)"):
        fit(problem(), SEEDS.T)


def test_it_stops_when_told():
    seen = []

    def stop(progress):
        seen.append(progress)
        if len(seen) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        fit(problem(), report=stop)
    assert [(one.done, one.total) for one in seen] == [(0, mlp.LEAST_STEPS), (50, mlp.LEAST_STEPS)]


def test_a_class_that_a_subset_lacks_is_never_called():
    whole = lacking(apart=0.2)
    logits = fit(whole).logits(whole.vectors)
    assert (logits[:, :2, :, 2] == -np.inf).all()
    assert np.isfinite(logits[:, 2]).all()


def test_the_world_draws_as_before():
    before = torch.get_rng_state()
    fit(problem())
    assert torch.get_rng_state().equal(before)


# --- reference


def test_a_step_is_that_of_autograd_and_adamw():
    whole = problem(repeats=1, sizes=(12,))
    training = mlp._Training(whole, np.array([[3]]))
    plain = [part[0].clone().requires_grad_() for part in training._layers(training.values)]
    optimizer = torch.optim.AdamW(plain, lr=mlp.rate(0, training.steps), weight_decay=mlp.DECAY)
    first, first_bias, last, last_bias = plain
    rows = training.picks[0, 0]
    hidden = (training.vectors[rows] @ first + first_bias).relu()
    logits = hidden @ last.T + last_bias.T
    torch.nn.functional.cross_entropy(logits, training.labels[rows]).backward()
    optimizer.step()
    training.step(0)
    stepped = torch.cat([part[0].flatten() for part in training._layers(training.values)])
    torch.testing.assert_close(stepped, torch.cat([part.detach().flatten() for part in plain]))


def test_logits_are_those_of_plain_layers():
    whole = problem()
    found = fit(whole)
    asked = whole.vectors[200:]
    layers = [part[4].numpy() for part in found.layers]  # repeat 1, size 1
    hidden = np.maximum(asked @ layers[0] + layers[1], 0)
    expected = hidden @ layers[2].T + layers[3].T
    assert found.logits(asked)[1, 1] == pytest.approx(expected, abs=1e-4)


def test_steps_grow_with_labels_and_rates_rise_and_fall():
    assert [mlp.steps(n) for n in (2, 100)] == [mlp.LEAST_STEPS] * 2
    assert mlp.steps(20_000) / mlp.steps(2_000) == pytest.approx(10**0.7, rel=0.01)
    rates = [mlp.rate(step, 100) for step in range(100)]
    assert np.argmax(rates) in (9, 10)
    assert max(rates) == mlp.RATE
    assert rates[0] == pytest.approx(mlp.RATE / 10)
    assert 0 < rates[-1] < mlp.RATE / 1000
    assert all(map(math.isfinite, rates))


# --- invariant, determinism, planted truth


def test_every_row_comes_in_turn():
    training = mlp._Training(problem(), SEEDS)
    drawn = training.picks[-1].flatten().numpy()  # the smallest subset of the last order
    counts = np.unique(drawn, return_counts=True)
    assert set(counts[0]) == set(problem().orders[1, :12])
    assert np.ptp(counts[1]) <= 1


def test_company_does_not_matter():
    whole = problem(sizes=(12, 40, 600), pool=900, n=1000)
    alone = dataclasses.replace(whole, orders=whole.orders[1:], sizes=(40,))
    asked = whole.vectors[900:]
    mine = fit(alone, SEEDS[1:, 1:2]).logits(asked)[0, 0]
    assert mine == pytest.approx(fit(whole).logits(asked)[1, 1], abs=1e-3)


def test_the_seed_alone_decides():
    whole = problem()
    asked = whole.vectors[200:]
    first, again, other = (fit(whole, seeds).logits(asked) for seeds in (SEEDS, SEEDS, SEEDS + 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_it_learns_what_no_line_divides():
    rng = np.random.default_rng(0)
    vectors = rng.uniform(-1, 1, (1200, 2)).astype(np.float32)
    labels = (vectors[:, 0] * vectors[:, 1] > 0).astype(np.int64)
    whole = dataclasses.replace(
        problem(), vectors=vectors, labels=labels, orders=np.arange(1000)[None], sizes=(20, 1000), n_classes=2
    )
    right = (fit(whole, SEEDS[:1, :2]).logits(vectors[1000:]).argmax(3) == labels[1000:]).mean(2)
    assert right[0, 1] > 0.93
    assert right[0, 1] > right[0, 0]
