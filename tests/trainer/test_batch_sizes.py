import dataclasses

import numpy as np
import pytest

from labeling.progress import Cancelled
from tests import toys
from trainer.engine import material
from trainer.engine.device import Device
from trainer.engine.intervals import wilson
from trainer.engine.material import Examples
from trainer.engine.recipe import OPTIMIZERS, Recipe
from trainer.search import batch_sizes
from trainer.search.batch_sizes import Setting

CPU = Device("cpu", "fp32")
SMALL = Recipe(width=4, resolution=16, batch=16, learning_rate=0.01)


def examples(n, seed):
    pixels, labels = toys.shape_pixels(n, 16, np.random.default_rng(seed))
    return Examples(pixels, labels, tuple(map(str, range(n))))


LEARNING, HELD_OUT = material.as_they_are(examples(96, 5)), examples(60, 6)


def draw(settings, recipe=SMALL, **more):
    return list(batch_sizes.batch_map(LEARNING, HELD_OUT, recipe, 3, settings, seed=1, device=CPU, **more))


def plan(batches=(8, 32), epochs=(1.0, 2.0), recipe=SMALL):
    return batch_sizes.plan(recipe, 96, batches, epochs)


# --- what must not happen


@pytest.mark.parametrize("batches", [(1, 8), (8, 97)])
def test_a_batch_beyond_the_rows_is_refused(batches):
    with pytest.raises(ValueError, match=r"batches must lie in \[2, 96\], the rows of an epoch, got"):
        plan(batches)


@pytest.mark.parametrize(("batches", "epochs"), [((), (1.0,)), (tuple(range(2, 67)), (1.0,))])
def test_too_few_or_too_many_settings_are_refused(batches, epochs):
    with pytest.raises(ValueError, match="a map has 1 to 64 settings, got"):
        plan(batches, epochs)


def test_epochs_of_nothing_are_refused():
    with pytest.raises(ValueError, match="epochs must be above 0, got 0"):
        plan(epochs=(0.0, 1.0))


def test_nothing_to_measure_on_is_refused():
    nothing = Examples(HELD_OUT.pixels[:0], HELD_OUT.labels[:0], ())
    with pytest.raises(ValueError, match="needs validation pictures"):
        next(batch_sizes.batch_map(LEARNING, nothing, SMALL, 3, plan(), seed=1, device=CPU))


def test_a_training_that_diverges_is_a_cell_with_its_trouble():
    wild = dataclasses.replace(SMALL, optimizer="sgd", learning_rate=50.0, warmup=0.0)
    (cell,) = draw(plan((32,), (2.0,), wild), wild)
    assert cell.accuracy is None
    assert "diverged" in cell.trouble
    assert cell.to_json()["accuracy"] is None


def test_a_report_stops_it():
    def stop(progress):
        raise Cancelled

    with pytest.raises(Cancelled):
        draw(plan(), report=stop)


# --- reference


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_rate_grows_with_the_batch_or_its_root(optimizer):
    recipe = dataclasses.replace(SMALL, optimizer=optimizer, batch=32, learning_rate=0.01)
    factor = {"sgd": 4.0}.get(optimizer, 2.0)
    assert batch_sizes.scaled_rate(recipe, 128) == pytest.approx(0.01 * factor)
    assert batch_sizes.scaled_rate(recipe, 32) == 0.01


# --- invariant


def test_equal_epochs_are_equal_samples():
    assert plan((8, 16, 32), (2.0,)) == (
        Setting(8, 2.0, 24, pytest.approx(0.01 * 0.5**0.5)),
        Setting(16, 2.0, 12, 0.01),
        Setting(32, 2.0, 6, pytest.approx(0.01 * 2**0.5)),
    )
    assert {setting.samples for setting in plan((8, 16, 32), (2.0,))} == {192}


def test_every_cell_says_what_it_took_and_how_sure_it_is():
    seen = []
    cells = draw(plan(), report=seen.append)
    assert [(cell.batch, cell.epochs) for cell in cells] == [(8, 1.0), (32, 1.0), (8, 2.0), (32, 2.0)]
    assert [cell.samples for cell in cells] == [96, 96, 192, 192]
    assert all(cell.accuracy == wilson(round(60 * cell.accuracy.value), 60) for cell in cells)
    assert all(cell.n == 60 and cell.cpu_s > 0 for cell in cells)
    assert seen[0].stage == "training, batch 8, 1 epochs"
    assert {p.total for p in seen} == {4}


def test_a_recipe_with_early_stopping_sees_all_its_samples():
    stopping = dataclasses.replace(SMALL, validation=0.3, patience=0.01)
    assert [cell.steps for cell in draw(plan((32,), (2.0,)), stopping)] == [6]


def test_what_is_known_is_not_trained_again():
    assert [(c.batch, c.epochs) for c in draw(plan(), known={(8, 1.0), (32, 2.0)})] == [(32, 1.0), (8, 2.0)]


# --- determinism


def test_recipe_and_seed_give_equal_cells():
    one, other = (draw(plan((16,), (1.0,)))[0] for _ in range(2))
    assert one.accuracy == other.accuracy


# --- convergence


def test_more_epochs_learn_more_of_the_shapes():
    few, many = draw(plan((8,), (0.2, 12.0)))
    assert many.accuracy.low > few.accuracy.high
