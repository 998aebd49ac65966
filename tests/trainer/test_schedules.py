import pytest
import torch
from torch.optim import lr_scheduler

from trainer.engine import schedules
from trainer.engine.recipe import SCHEDULES, Recipe


def ours(recipe, steps):
    return [schedules.learning_rate(recipe, step, steps) for step in range(1, steps + 1)]


def theirs(make, steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    schedule = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def test_a_step_outside_the_budget_has_no_rate():
    with pytest.raises(ValueError, match=r"step must lie in \[1, 10\], got 11"):
        schedules.learning_rate(Recipe(schedule="restarts"), 11, 10)


# --- reference


@pytest.mark.parametrize("steps", [10, 137])
def test_the_cosine_is_torchs_own(steps):
    recipe = Recipe(schedule="cosine", warmup=0.0, learning_rate=0.3)
    expected = theirs(lambda o: lr_scheduler.CosineAnnealingLR(o, steps - 1), steps)
    assert ours(recipe, steps) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("steps", "warmup"), [(10, 0.3), (100, 0.25), (40, 0.1)])
def test_one_cycle_is_torchs_own(steps, warmup):
    recipe = Recipe(schedule="one-cycle", warmup=warmup, learning_rate=0.3)
    expected = theirs(
        lambda o: lr_scheduler.OneCycleLR(o, 0.3, total_steps=steps, pct_start=warmup, cycle_momentum=False),
        steps,
    )
    assert ours(recipe, steps) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("t0", "mult", "restarts"), [(10, 2, 2), (5, 1, 3), (3, 3, 2)])
def test_warm_restarts_are_torchs_own(t0, mult, restarts):
    steps = sum(t0 * mult**cycle for cycle in range(restarts + 1))
    recipe = Recipe(schedule="restarts", restarts=restarts, restart_mult=mult, learning_rate=0.3)
    expected = theirs(lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, t0, mult), steps)
    assert ours(recipe, steps) == pytest.approx(expected, abs=1e-12)


def test_the_paper_restarts_at_epochs_10_30_and_70():
    recipe = Recipe(schedule="restarts", restarts=3, restart_mult=2)
    assert schedules.cycle_ends(recipe, 150) == (10, 30, 70, 150)


def test_warm_up_climbs_in_a_line_and_constant_stays():
    recipe = Recipe(schedule="constant", warmup=0.2, learning_rate=1.0)
    assert ours(recipe, 10) == [0.5] + [1.0] * 9


# --- invariant


@pytest.mark.parametrize("steps", [1, 2, 7, 100, 1001])
@pytest.mark.parametrize("schedule", ["cosine", "one-cycle", "restarts", "constant"])
def test_every_rate_of_every_budget_lies_between_nothing_and_the_peak(schedule, steps):
    recipe = Recipe(schedule=schedule, restarts=4, learning_rate=0.3)
    rates = ours(recipe, steps)
    assert min(rates) >= 0
    assert max(rates) <= 0.3 + 1e-12
    assert schedules.cycle_ends(recipe, steps)[-1] == steps


# --- steps to draw


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("count", [1, 2, 9, 1000])
def test_steps_to_draw_ascend_within_the_budget_and_keep_every_bend(schedule, count):
    recipe = Recipe(schedule=schedule)
    steps = schedules.spread(recipe, 137, count)
    assert list(steps) == sorted(set(steps))
    assert (steps[0], steps[-1]) == (1, 137)
    ends = schedules.cycle_ends(recipe, 137)
    bends = {schedules.peak_step(recipe, 137), *ends, *(end + 1 for end in ends[:-1])}
    assert bends <= set(steps)
    assert len(steps) <= min(137, count + 8)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_peak_is_the_first_step_at_the_full_rate(schedule):
    recipe = Recipe(schedule=schedule, learning_rate=0.3)
    assert ours(recipe, 137).index(pytest.approx(0.3)) + 1 == schedules.peak_step(recipe, 137)
