import dataclasses
import math

import numpy as np
import pytest
import torch

from labeling.progress import Cancelled
from tests import toys
from trainer.engine import inference, loop, material
from trainer.engine.device import Device
from trainer.engine.material import Examples
from trainer.engine.recipe import Recipe
from trainer.search import learning_rates
from trainer.search.learning_rates import Point, RangeTest

CPU = Device("cpu", "fp32")
SMALL = Recipe(width=8, resolution=16, batch=32, min_steps=120, steps_per_root=0.0)
PIXELS, LABELS = toys.shape_pixels(240, 16, np.random.default_rng(5))


def shapes(labels=LABELS):
    return material.as_they_are(Examples(PIXELS, labels, tuple(map(str, range(240)))))


def look(recipe=SMALL, made=None, seed=1, **more):
    return learning_rates.range_test(made or shapes(), recipe, 3, seed=seed, device=CPU, **more)


def made_of(*losses):
    points = [Point(10.0**i, loss, loss) for i, loss in enumerate(losses)]
    return RangeTest(tuple(points), len(points))


# --- what must not happen


@pytest.mark.parametrize("rates", [(0.0, 1.0), (1.0, 0.1), (0.1, 0.1)])
def test_rates_that_do_not_rise_are_refused(rates):
    with pytest.raises(ValueError, match="rates must rise from above 0, got"):
        look(rates=rates)


@pytest.mark.parametrize("steps", [19, 10_001])
def test_steps_have_bounds(steps):
    with pytest.raises(ValueError, match=rf"steps must lie in \[20, 10000\], got {steps}"):
        look(steps=steps)


def test_one_class_cannot_be_tested():
    with pytest.raises(ValueError, match="at least two classes"):
        look(made=shapes(np.zeros(240, np.int64)))


def test_a_loss_that_never_fell_chooses_nothing():
    found = made_of(1.0, 0.99, 1.2)
    assert (found.chosen, found.steepest) == (None, None)


def test_a_report_stops_it():
    def stop(progress):
        raise Cancelled

    with pytest.raises(Cancelled):
        look(report=stop)


def test_it_leaves_the_data_and_torchs_generator_alone():
    before, pixels = torch.random.get_rng_state(), PIXELS.copy()
    look(steps=20)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.array_equal(PIXELS, pixels)


# --- reference


def test_the_rule_on_losses_made_by_hand():
    found = made_of(2.0, 1.9, 1.0, 0.6, 0.5, 3.0)
    assert found.lowest.rate == 1e4
    assert found.chosen == 1e3
    assert found.steepest == 1e1  # from 1.9 to 1.0


def test_smoothing_is_the_bias_corrected_mean():
    found = look(steps=20)
    average = 0.0
    for step, point in enumerate(found.points, start=1):
        average = 0.9 * average + 0.1 * point.loss
        assert point.smoothed == pytest.approx(average / (1 - 0.9**step))


# --- invariant


def test_rates_rise_by_one_factor_between_the_ends():
    rates = [point.rate for point in look(rates=(1e-4, 1e-2), steps=41).points]
    assert (rates[0], rates[-1]) == (1e-4, pytest.approx(1e-2))
    assert np.diff(np.log(rates)) == pytest.approx(np.full(40, math.log(100) / 40))


def test_it_ends_once_the_loss_falls_apart():
    found = look(dataclasses.replace(SMALL, optimizer="sgd"), rates=(1e-3, 100.0), steps=100)
    assert 20 < len(found.points) < 100
    assert found.points[-1].smoothed > 4 * found.lowest.smoothed


def test_json_holds_plain_numbers_only():
    told = look(steps=20).to_json()
    assert set(told) == {"points", "steps", "lowest", "chosen", "steepest"}
    assert {type(value) for point in told["points"] for value in point.values()} == {float}


def test_progress_counts_the_steps():
    seen = []
    look(steps=40, rates=(1e-6, 0.1), report=seen.append)  # far from where it diverges
    assert [p.done for p in seen] == list(range(2, 41, 2))
    assert set(seen[0].values) == {"loss", "rate"}


# --- determinism


def test_data_recipe_and_seed_give_equal_numbers():
    assert look(steps=30) == look(steps=30)
    assert look(steps=30) != look(steps=30, seed=2)


# --- convergence


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_the_chosen_rate_trains_well(optimizer):
    recipe = dataclasses.replace(SMALL, optimizer=optimizer, weight_decay=0.001)
    found = look(recipe)
    chosen = dataclasses.replace(recipe, learning_rate=found.chosen)
    trained = loop.train(shapes(), chosen, 3, seed=1, device=CPU)
    pixels, labels = toys.shape_pixels(150, 16, np.random.default_rng(6))
    assert (inference.predict(trained.model, pixels, CPU).argmax(1) == labels).mean() > 0.85
