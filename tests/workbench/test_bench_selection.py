"""The benchmarks of selection at a size that takes seconds, and what their gates see."""

import numpy as np
import pytest

from labeling.strategies.badge import Gradients
from workbench.benchmarks import registry
from workbench.benchmarks.registry import Side
from workbench.benchmarks.selection import badge, cloud, kcenter


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(cloud, "ROWS", 1500)
    monkeypatch.setattr(cloud, "PICKS", 60)
    monkeypatch.setattr(cloud, "REPEATS", 1)


@pytest.fixture(scope="module")
def points():
    return cloud.vectors(400)


# --- what must not happen


def test_the_gate_of_the_cover_sees_one_other_pick(small, monkeypatch):
    monkeypatch.setattr(kcenter, "peers", lambda x, count: [*kcenter.picked(x, count - 1), -1])
    outcome = kcenter.cover()
    assert not outcome.gate
    assert outcome.because == "39 of the first 40 picks are the peer's"


def test_the_gate_of_the_draws_sees_draws_that_do_not_spread(small, monkeypatch):
    monkeypatch.setattr(badge, "drawn", lambda space, first, count: np.arange(3))
    assert not badge.draws().gate


# --- what must happen


def test_what_a_peer_did_in_part_is_told_in_whole():
    told = cloud.extrapolated(Side("peer", (2.0, 3.0), (1.0, 2.0)), 25.0)
    assert (told.name, told.wall_s, told.cpu_s) == ("peer, extrapolated x 25", (50.0, 75.0), (25.0, 50.0))


def test_the_cloud_is_as_claimed(points):
    assert (points.shape, points.dtype) == ((400, 512), np.float32)
    probs = cloud.opinions(points)
    assert probs.shape == (400, 10)
    assert probs.sum(1) == pytest.approx(1)
    assert probs.max(1).min() < 0.4 < 0.8 < probs.max(1).max()


def test_the_authors_draws_are_different_rows_after_the_first(points):
    space = Gradients(cloud.opinions(points), points)
    whole = np.einsum("nk,nd->nkd", space.a, space.h).reshape(len(points), -1)
    picks = badge.init_centers(whole, 7, 5)
    assert picks[0] == 7
    assert len(set(picks)) == 6


def test_cover_small(small):
    outcome = kcenter.cover()
    assert outcome.gate
    assert outcome.because == "40 of the first 40 picks are the peer's"


def test_draws_small(small, monkeypatch):
    monkeypatch.setattr(badge, "CLOSE", 0.1)  # 60 draws vary more than 1,000
    outcome = badge.draws()
    assert outcome.gate, outcome.because
    assert outcome.peer.figures["one_by_one_as_factors_cpu_s"] > 0


def test_both_are_found_by_their_names():
    found = registry.find(["selection.kcenter", "selection.badge"])
    assert [(one.name, one.target) for one in found] == [
        ("selection.kcenter", 30.0),
        ("selection.badge", 500.0),
    ]
