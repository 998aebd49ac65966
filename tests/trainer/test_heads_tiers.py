"""From the cells of a curve to their figures: one contract for all tiers."""

import dataclasses
import json

import numpy as np
import pytest

from labeling.progress import Cancelled
from tests.trainer.heads_world import clouds
from trainer.curves import design
from trainer.engine import metrics
from trainer.engine.heads import mlp, ridge, tiers
from trainer.engine.heads.problem import Problem

VECTORS, LABELS = clouds(n=400, d=8, apart=1.5)
POOL, TESTS, UNLABELED = np.split(np.arange(400), [200, 300])
LABELS = np.where(np.arange(400) < 300, LABELS, -1)
KEYS = [f"{row:03}" for row in POOL]
CELLS = design.cells(KEYS, LABELS[POOL], (24, 70, 200), (1, 2, 2), seed=3)
each_tier = pytest.mark.parametrize("tier", tiers.TIERS)


def measure(tier, cells=CELLS, vectors=VECTORS, tests=TESTS, **more):
    return list(tiers.measure(tier, vectors, LABELS, cells, tests, n_classes=3, **more))


def accuracies(found):
    return {
        (one.cell.n, one.cell.repeat): one.metrics["accuracy"]["value"]
        for one in sorted(found, key=lambda one: (one.cell.n, one.cell.repeat))
    }


# --- what must not happen


def test_an_unknown_tier_is_named():
    with pytest.raises(ValueError, match="one of ridge, logistic, mlp, got 'forest'"):
        measure("forest")


@each_tier
def test_cells_must_be_nested(tier):
    astray = dataclasses.replace(CELLS[0], rows=CELLS[0].rows[::-1])
    with pytest.raises(ValueError, match="the 24 rows of repeat 0 are not the first of its 200"):
        measure(tier, [astray, *CELLS[1:]])


@each_tier
def test_a_hole_in_any_picture_is_refused(tier):
    vectors = VECTORS.copy()
    vectors[UNLABELED[0], 3] = np.nan
    with pytest.raises(ValueError, match="vectors must be finite"):
        measure(tier, vectors=vectors)


@each_tier
def test_a_curve_of_one_class_is_refused(tier):
    of_one = POOL[LABELS[POOL] == 1]
    cells = [design.Cell(n, 0, 0, of_one[:n]) for n in (20, 40)]
    with pytest.raises(ValueError, match="a subset of 20 rows holds one class only; two are needed"):
        measure(tier, cells)


@each_tier
def test_it_stops_when_told(tier):
    def stop(progress):
        raise Cancelled

    with pytest.raises(Cancelled):
        measure(tier, report=stop)


def test_test_pictures_do_not_scale_the_others():
    odd = VECTORS.copy()
    odd[TESTS] = 1e4
    others = np.concatenate([POOL, UNLABELED])
    assert np.array_equal(tiers.standardize(odd, TESTS)[others], tiers.standardize(VECTORS, TESTS)[others])


# --- what must happen


@each_tier
def test_every_cell_is_measured_once_and_better_than_chance(tier):
    found = measure(tier)
    assert {(one.cell.n, one.cell.repeat) for one in found} == {(c.n, c.repeat) for c in CELLS}
    assert len(found) == len(CELLS)
    assert min(accuracies(found).values()) > 0.6


@each_tier
def test_figures_and_receipts_are_json(tier):
    (first, *_) = measure(tier)
    assert json.loads(json.dumps([first.metrics, first.receipt])) == [first.metrics, first.receipt]
    assert first.receipt["tier"] == tier
    assert first.receipt["scaled_by"] == 300
    assert first.metrics["n"] == len(TESTS)


@pytest.mark.parametrize(("tier", "told"), [("ridge", False), ("logistic", True), ("mlp", True)])
def test_only_heads_with_chances_tell_losses(tier, told):
    (first, *_) = measure(tier)
    assert [name in first.metrics for name in metrics.LOSSES] == [told] * 3


@each_tier
def test_a_cell_is_the_same_whatever_is_asked_beside_it(tier):
    """A curve asks only for the cells that it lacks; losses may round otherwise."""
    wanted = [cell for cell in CELLS if (cell.n, cell.repeat) in ((24, 0), (200, 1))]
    some, alone, all_of_them = (by_cell(measure(tier, cells)) for cells in (wanted, CELLS[:1], CELLS))
    assert plain(some[24, 0]) == plain(alone[24, 0]) == plain(all_of_them[24, 0])
    assert plain(some[200, 1]) == plain(all_of_them[200, 1])


def by_cell(found):
    return {(one.cell.n, one.cell.repeat): one.metrics for one in found}


def plain(told):
    losses = [told[name]["value"] for name in metrics.LOSSES if name in told]
    return np.round(losses, 4).tolist(), {name: told[name] for name in told if name not in metrics.LOSSES}


@each_tier
def test_the_same_cells_give_the_same_figures(tier):
    assert [one.metrics for one in measure(tier)] == [one.metrics for one in measure(tier)]


def test_ridge_cells_are_those_of_the_heads():
    scaled = tiers.standardize(VECTORS, TESTS)
    cell = next(cell for cell in CELLS if (cell.n, cell.repeat) == (70, 1))
    heads = ridge.fit(Problem(scaled, LABELS, cell.rows[None], (70,), 3))
    right = (heads.logits(scaled[TESTS]).argmax(3) == LABELS[TESTS]).mean()
    assert accuracies(measure("ridge"))[70, 1] == pytest.approx(right)
    receipts = {(one.cell.n, one.cell.repeat): one.receipt for one in measure("ridge")}
    assert receipts[70, 1]["penalty"] == heads.penalties[0, 0]


def test_receipts_tell_convergence_and_steps():
    assert all(one.receipt["converged"] for one in measure("logistic"))
    assert [one.receipt["steps"] for one in measure("mlp")] == [mlp.steps(c.n) for c in _in_turn()]


def _in_turn():
    return sorted(CELLS, key=lambda cell: (cell.repeat, cell.n))


def test_vectors_are_scaled_by_all_pictures_but_the_tests():
    vectors = np.array([[1.0, 5.0], [3.0, 5.0], [100.0, 6.0]])
    scaled = tiers.standardize(vectors, np.array([2]))
    assert scaled.tolist() == [[-1.0, 0.0], [1.0, 0.0], [98.0, 1.0]]
    assert scaled.dtype == np.float32


@each_tier
def test_more_labels_are_better_where_classes_overlap(tier):
    vectors, labels = clouds(n=3000, d=30, k=4, apart=0.35)
    pool, tests = np.split(np.arange(3000), [1500])
    cells = design.cells([f"{row:04}" for row in pool], labels[pool], (24, 200, 1500), (2, 2, 2), seed=0)
    found = accuracies(list(tiers.measure(tier, vectors, labels, cells, tests, n_classes=4)))
    small, middle, large = (np.mean([found[n, repeat] for repeat in (0, 1)]) for n in (24, 200, 1500))
    assert small < middle < large
