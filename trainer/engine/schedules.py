"""The learning rate of each step.

Light: no torch here, so that pages can draw a schedule before anything trains.
"""

import itertools
import math

from trainer.engine.recipe import Recipe

ONE_CYCLE_START = 1 / 25  # of the peak; with ONE_CYCLE_END the defaults of torch's OneCycleLR
ONE_CYCLE_END = 1e-4  # of the start


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Return the rate of step 1..steps.

    "cosine" and "constant" climb linearly over the warm-up; "cosine" then falls to 0 at the last step.
    "one-cycle" climbs over the warm-up and falls to nearly nothing, both by half a cosine (Smith & Topin
    2018, as torch's OneCycleLR).  "restarts" is SGDR (Loshchilov & Hutter 2017, equation 5): in each cycle
    the rate falls from its peak to 0; it has no warm-up.
    """
    if recipe.schedule == "restarts":
        return recipe.learning_rate * _falling(*_place_in_cycle(recipe, step, steps))
    climb = peak_step(recipe, steps)
    if recipe.schedule == "one-cycle":
        return recipe.learning_rate * _one_cycle(step - 1, climb, steps)
    if step <= climb:
        return recipe.learning_rate * step / climb
    if recipe.schedule == "constant":
        return recipe.learning_rate
    return recipe.learning_rate * _falling(step - climb, max(1, steps - climb))


def cycle_ends(recipe: Recipe, steps: int) -> tuple[int, ...]:
    """Return the last step of each cycle of "restarts"; (steps,) for every other schedule.

    T0 follows from the step budget, so that the last cycle ends with it: T0 = steps / (1 + m + m^2 + ...),
    with m = Tmult and one term a cycle.  Each end is rounded; a cycle has at least one step.
    """
    if recipe.schedule != "restarts":
        return (steps,)
    lengths = [recipe.restart_mult**cycle for cycle in range(recipe.restarts + 1)]
    shares = [done / sum(lengths) for done in itertools.accumulate(lengths)]
    return tuple(sorted({max(1, round(share * steps)) for share in shares}))


def peak_step(recipe: Recipe, steps: int) -> int:
    """Return the last step of the warm-up, the first one at the recipe's learning rate."""
    if recipe.schedule == "restarts":
        return 1
    return max(1, round(recipe.warmup * steps))


def spread(recipe: Recipe, steps: int, count: int) -> tuple[int, ...]:
    """Return about `count` steps of 1..steps, ascending, that a drawing of the schedule needs.

    Evenly spread ones, and all at which it bends or jumps: the first and the last one, the peak, the last one
    of each cycle and the next one.
    """
    even = {round(1 + (steps - 1) * place / max(1, count - 1)) for place in range(count)}
    ends = cycle_ends(recipe, steps)
    starts = {end + 1 for end in ends if end < steps}
    return tuple(sorted({*even, 1, steps, peak_step(recipe, steps), *ends, *starts}))


def _place_in_cycle(recipe: Recipe, step: int, steps: int) -> tuple[int, int]:
    """Return how many steps of its cycle lie before the step, and how many the cycle has."""
    start = 0
    for end in cycle_ends(recipe, steps):
        if step <= end:
            return step - 1 - start, end - start
        start = end
    raise ValueError(f"step must lie in [1, {steps}], got {step}")


def _falling(gone: float, length: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * gone / length))


def _one_cycle(done: int, climb: int, steps: int) -> float:
    """Return the share of the peak after `done` steps; climb and fall as torch cuts them."""
    peak_at = climb - 1
    if done <= peak_at and peak_at > 0:
        return 1 + (ONE_CYCLE_START - 1) * _falling(done, peak_at)
    end = ONE_CYCLE_START * ONE_CYCLE_END
    return end + (1 - end) * _falling(done - peak_at, max(1, steps - 1 - peak_at))
