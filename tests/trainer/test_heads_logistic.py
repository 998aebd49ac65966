"""Logistic heads are scikit-learn's, for all subsets at once."""

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from labeling.progress import Cancelled
from tests.trainer.heads_world import WORLDS, lacking, problem, subsets
from trainer.engine.heads import curvature, lbfgs, logistic
from trainer.engine.heads.curvature import Curvature
from trainer.engine.heads.packed import Packed

each_world = pytest.mark.parametrize("whole", WORLDS.values(), ids=WORLDS.keys())
TIGHT = 1e-6


def chances(logits):
    return torch.from_numpy(logits).double().softmax(-1).numpy()


# --- what must not happen


@pytest.mark.parametrize("bad", [{"penalty": 0.0}, {"tolerance": 0.0}])
def test_penalty_and_tolerance_are_positive(bad):
    with pytest.raises(ValueError, match="must be positive"):
        logistic.fit(problem(), **bad)


def test_it_stops_when_told():
    seen = []

    def stop(progress):
        seen.append(progress)
        if len(seen) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        logistic.fit(problem(), report=stop)
    assert [(one.done, one.total) for one in seen] == [(0, 6)] * 3


def test_a_class_that_a_subset_lacks_is_never_called():
    whole = lacking(apart=0.2)
    logits = logistic.fit(whole).logits(whole.vectors)
    assert (logits[:, :2, :, 2] == -np.inf).all()
    assert np.isfinite(logits[:, 2]).all()


def test_features_that_tell_the_same_are_no_obstacle():
    """In single precision their squares are not even positive."""
    whole = problem(n=3000, pool=2000, sizes=(40, 2000), d=3)
    alike = dataclasses.replace(whole, vectors=np.tile(100 * whole.vectors, 40))
    found = logistic.fit(alike, penalty=1e-6, tolerance=1e-2)
    right = (found.logits(alike.vectors[2000:]).argmax(3) == whole.labels[2000:]).mean(2)
    plain = (logistic.fit(whole).logits(whole.vectors[2000:]).argmax(3) == whole.labels[2000:]).mean(2)
    assert right[:, 1] == pytest.approx(plain[:, 1], abs=0.02)


def test_squares_that_rounding_made_negative_are_mended():
    squares = np.full((3, 3), 1.00001e4, np.float32)
    np.fill_diagonal(squares, 1e4)
    assert np.linalg.eigvalsh(squares)[0] < -0.05
    inverse = curvature._inverse(np.asfortranarray(squares), penalty=1e-3).numpy()
    assert np.isfinite(inverse).all()
    assert np.linalg.eigvalsh(inverse).min() > 0


def test_without_enough_evaluations_it_says_so(monkeypatch):
    monkeypatch.setattr(logistic, "MOST", 3)
    assert not logistic.fit(problem()).reached.any()


# --- reference


@each_world
def test_chances_are_sklearns(whole):
    asked = whole.vectors[200:]
    found = logistic.fit(whole, tolerance=TIGHT)
    assert found.reached.all()
    told = chances(found.logits(asked)).reshape(-1, 100, whole.n_classes)
    assert told == pytest.approx(
        np.stack([of_sklearn(whole, rows) for _, _, rows in subsets(whole)]), abs=2e-3
    )


def of_sklearn(whole, rows):
    """Return the chances (100, K) of the rows from 200 on; zero for a class that these rows lack."""
    vectors, labels = whole.vectors.astype(np.float64), whole.labels[rows]
    # of two classes it learns one weight vector, the difference of ours: twice our C
    c = 2.0 if len(np.unique(labels)) == 2 else 1.0
    peer = LogisticRegression(C=c, tol=1e-9, max_iter=10_000).fit(vectors[rows], labels)
    told = np.zeros((100, whole.n_classes))
    told[:, peer.classes_] = peer.predict_proba(vectors[200:])
    return told


@pytest.mark.parametrize(("repeat", "size"), [(0, 0), (0, 2), (1, 1)])
def test_slopes_are_those_of_autograd(repeat, size):
    whole = lacking(d=5)
    packed, generator = Packed(whole), torch.Generator().manual_seed(0)
    weight = torch.randn(2, 3, 4, 5, generator=generator)
    bias = torch.randn(2, 3, 4, generator=generator)
    found = packed.slope(weight, bias, torch.ones(2, 3, dtype=torch.bool))
    own = (weight[repeat, size].requires_grad_(), bias[repeat, size].requires_grad_())
    rows = packed.rows[repeat, : whole.sizes[size]]
    logits = rows @ own[0].T + own[1] + packed.chance[repeat, size]
    labels = torch.from_numpy(whole.labels[whole.orders[repeat, : whole.sizes[size]]])
    loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
    by_weight, by_bias = torch.autograd.grad(loss, own)
    close = {"atol": 1e-4, "rtol": 1e-4}
    torch.testing.assert_close(found.loss[repeat, size], loss.detach(), **close)
    torch.testing.assert_close(found.weight[repeat, size], by_weight, **close)
    torch.testing.assert_close(found.bias[repeat, size], by_bias, **close)


def test_what_is_not_live_costs_and_tells_nothing():
    whole = problem()
    packed, live = Packed(whole), torch.tensor([[True, False, True], [False, False, False]])
    found = packed.slope(torch.ones(2, 3, 3, 6), torch.zeros(2, 3, 3), live)
    assert ((found.loss > 0) == live).all()
    assert (found.weight.abs().sum((2, 3)) > 0).equal(live)


@pytest.mark.parametrize("width", [5, 60], ids=["tall", "wide"])
@pytest.mark.parametrize("size", [0, 1, 2])
def test_undone_curvature_is_the_curvature(width, size):
    packed = Packed(problem(d=width))
    known = Curvature(packed, penalty=1.0)
    generator = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(2, 3, 3, width, generator=generator), torch.randn(2, 3, 3, generator=generator)
    by_weight, by_bias = known.undo(weight, bias, torch.ones(2, 3, dtype=torch.bool))
    rows = torch.cat([packed.rows[0, : packed.sizes[size]], torch.ones(packed.sizes[size], 1)], 1)
    bends = known.share * rows.T @ rows + torch.diag(torch.tensor([1.0] * width + [0.0]))
    undone, plain = (
        torch.cat([w[0, size], b[0, size, :, None]], 1) for w, b in ((by_weight, by_bias), (weight, bias))
    )
    torch.testing.assert_close(undone @ bends, plain, atol=1e-3, rtol=1e-3)


def test_minima_of_bowls_are_found_and_idle_ones_stay():
    bends = torch.tensor([[1.0, 100.0], [3.0, 1.0], [1.0, 1.0]])
    bottoms = torch.tensor([[1.0, 2.0], [-1.0, 5.0], [7.0, 7.0]])

    def evaluate(points, live):
        away = points - bottoms
        return (bends * away.square()).sum(1) / 2, bends * away

    found = lbfgs.minimize(
        evaluate,
        torch.zeros(3, 2),
        torch.tensor([False, False, True]),
        precondition=lambda slopes, live: slopes,
        flat=lambda slopes: slopes.abs().amax(1) < 1e-4,
        most=100,
        tell=lambda evaluations, done: None,
    )
    torch.testing.assert_close(
        found.points, torch.tensor([[1.0, 2.0], [-1.0, 5.0], [0.0, 0.0]]), atol=1e-3, rtol=0
    )
    assert found.reached.tolist() == [True, True, False]


def test_what_descends_nowhere_gives_up():
    told = []
    found = lbfgs.minimize(
        lambda points, live: (points.sum(1), -torch.ones_like(points)),  # slopes that lie
        torch.zeros(1, 2),
        torch.tensor([False]),
        precondition=lambda slopes, live: slopes,
        flat=lambda slopes: torch.tensor([False]),
        most=1000,
        tell=lambda evaluations, done: told.append(done),
    )
    assert not found.reached.any()
    assert len(told) < 40


# --- invariant, determinism, planted truth


def test_company_does_not_matter():
    whole = problem(sizes=(12, 40, 120))
    alone = dataclasses.replace(whole, orders=whole.orders[1:], sizes=(40,))
    asked = whole.vectors[200:]
    mine, others = (chances(logistic.fit(one, tolerance=TIGHT).logits(asked)) for one in (alone, whole))
    assert mine[0, 0] == pytest.approx(others[1, 1], abs=1e-3)


def test_a_whole_pool_is_solved_once():
    found = logistic.fit(problem(sizes=(12, 200)))
    assert np.array_equal(found.weight[0, 1], found.weight[1, 1])
    assert not np.array_equal(found.weight[0, 0], found.weight[1, 0])


def test_the_same_problem_gives_the_same_bits():
    first, again = logistic.fit(problem()), logistic.fit(problem())
    assert np.array_equal(first.weight, again.weight)


def test_clouds_far_apart_are_told_apart():
    whole = problem(apart=5.0)
    logits = logistic.fit(whole).logits(whole.vectors[200:])
    assert (logits.argmax(3) == whole.labels[200:]).mean() > 0.99
