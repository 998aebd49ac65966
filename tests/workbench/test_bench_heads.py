"""The benchmarks of heads at a size that takes seconds, and what their gates see."""

import dataclasses

import numpy as np
import pytest

from trainer.engine.heads import ridge as heads_of_ridge
from workbench.benchmarks import registry
from workbench.benchmarks.heads import curves, instant, logistic, mlp, ridge

SMALL = curves.embeddings(800)
DIGITS = curves.digits()


@pytest.fixture
def small(monkeypatch):
    """Curves of few sizes, run once."""
    few = dataclasses.replace(DIGITS.problem, sizes=(40, 120))
    monkeypatch.setattr(curves, "embeddings", lambda: SMALL)
    monkeypatch.setattr(curves, "digits", lambda: curves.World(few, DIGITS.tests))
    for module in (instant, logistic, mlp, ridge):
        monkeypatch.setattr(module, "REPEATS", 1)


# --- what must not happen


def test_the_gate_of_networks_sees_one_size_that_fell_behind():
    assert mlp.holds(np.array([0.5, -0.3]))
    assert not mlp.holds(np.array([5.0, -0.31]))


@pytest.mark.parametrize(
    ("apart", "calls", "held"),
    [(0.005, (3, 4), True), (0.006, (3, 4), False), (0.0, (4, 4), False)],
)
def test_the_gate_of_logistic_heads_sees_both_accuracy_and_optimum(apart, calls, held):
    assert logistic.holds(apart, logistic.Calls(*calls)) == held


def test_the_gate_of_ridge_heads_sees_one_wrong_head():
    heads = heads_of_ridge.fit(SMALL.problem, penalty=1.0)
    heads.weight[2, 3, 0, 0] += 0.1
    far, _ = ridge.compared(SMALL, heads)
    assert far > ridge.TOLERANCE


def test_no_test_row_trains():
    assert not np.isin(SMALL.tests, SMALL.problem.orders).any()
    assert not np.isin(DIGITS.tests, DIGITS.problem.orders).any()


# --- what must happen


def test_the_curves_are_those_of_the_claims():
    assert DIGITS.problem.shape == SMALL.problem.shape == (5, 8)
    assert (DIGITS.problem.sizes[0], DIGITS.problem.sizes[-1]) == (40, 1348)
    assert (DIGITS.problem.width, SMALL.problem.width) == (64, 512)


def test_both_sides_are_scored_on_the_same_rows():
    """RidgeClassifier's curve, head by head, is ours."""
    peer = curves.World.of_peer(SMALL, ridge.RidgeClassifier())
    assert ridge.solved(SMALL) == pytest.approx(peer)


@pytest.mark.parametrize(
    ("name", "measure", "says"),
    [
        ("heads.ridge", ridge.heads, "0 other calls"),
        ("heads.instant", instant.instant, "0 other calls"),
        ("heads.logistic", logistic.heads, "calls that are not the optimum's"),
        ("heads.mlp", mlp.heads, "points ahead of the peer"),
    ],
)
def test_both_sides_are_measured_and_told(name, measure, says, small):
    outcome = measure()
    assert says in outcome.because
    assert outcome.counts == "cpu"
    assert len(outcome.ours.cpu_s) == len(outcome.peer.cpu_s) == 1
    assert outcome.ratio == pytest.approx(outcome.peer.cpu_s[0] / outcome.ours.cpu_s[0])
    assert registry.REGISTERED[name].measure is measure
