"""A range test: which learning rates a recipe can take on these data, found in one short training."""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

from labeling.progress import Progress, Report, silent
from trainer.engine import loop
from trainer.engine.course import Aids
from trainer.engine.device import Device
from trainer.engine.material import Material
from trainer.engine.recipe import Recipe
from trainer.engine.stepper import Stepper
from trainer.search.limits import FEWEST_STEPS, MOST_STEPS, STEPS

LOWEST, HIGHEST = 1e-5, 10.0  # every optimizer here learns nothing at the one and falls apart at the other
LOOKS = 20  # reports
SMOOTHING = 0.9  # weight of the past in the mean of the losses: 10 steps are remembered, about
DIVERGED = 4.0  # the smoothed loss, in multiples of its lowest, at which the test ends
FALLEN = 0.95  # a lowest loss above this share of the first one has not fallen: nothing is chosen
BACK = 10.0  # the chosen rate is so many times below that of the lowest loss


class Point(NamedTuple):
    """One step: the loss of its batch, before the step is taken, and the mean of the losses so far."""

    rate: float
    loss: float
    smoothed: float


@dataclass(frozen=True)
class RangeTest:
    """The losses at rising rates.

    The rule: the chosen rate is a tenth of the rate at which the smoothed loss was lowest.  There the loss
    still falls, and a whole training at that rate has room before it falls apart.  The rate of the steepest
    descent stands beside it for who prefers that rule; it depends more on luck.
    """

    points: tuple[Point, ...]
    steps: int  # planned; fewer points say that the loss fell apart

    @property
    def lowest(self) -> Point:
        """The point of the lowest smoothed loss."""
        return min(self.points, key=lambda point: point.smoothed)

    @property
    def chosen(self) -> float | None:
        """The rate to train with; None where the loss never fell."""
        if self.lowest.smoothed > FALLEN * self.points[0].smoothed:
            return None
        return self.lowest.rate / BACK

    @property
    def steepest(self) -> float | None:
        """The rate at which the smoothed loss fell fastest a step; None where it never fell."""
        if self.chosen is None:
            return None
        last = self.points.index(self.lowest)
        falls = [self.points[i + 1].smoothed - self.points[i].smoothed for i in range(last)]
        return self.points[falls.index(min(falls))].rate

    def to_json(self) -> dict[str, object]:
        return {
            "points": [point._asdict() for point in self.points],
            "steps": self.steps,
            "lowest": self.lowest.rate,
            "chosen": self.chosen,
            "steepest": self.steepest,
        }


def range_test(
    material: Material,
    recipe: Recipe,
    n_classes: int,
    *,
    seed: int,
    device: Device,
    rates: tuple[float, float] = (LOWEST, HIGHEST),
    steps: int = STEPS,
    report: Report = silent,
    aids: Aids | None = None,
) -> RangeTest:
    """Train for some steps at a rate that rises exponentially from rates[0] to rates[1].

    Its losses are those of training batches: nothing else is looked at.  Ends early once the loss has fallen
    apart.  Of the aids only what is remembered and the weights count; "probe-then-full" trains all at once.
    Raises ValueError for rates or steps without meaning, and whatever report raises.
    Source: Smith 2017, "Cyclical learning rates for training neural networks", section 3.3; the exponential
    rise, the smoothing and the end as Howard & Gugger 2020, "Fastai", section 5.
    """
    loop.check(material, recipe, n_classes)
    _check(rates, steps)
    aids = aids or Aids()
    tuned = replace(recipe, tuning="full") if recipe.tuning == "probe-then-full" else recipe
    with loop.own_random_state(seed, device):
        stepper = Stepper(
            material, tuned, n_classes, seed=seed, device=device, remembered=aids.fits, weights=aids.weights
        )
        points: list[Point] = []
        while len(points) < steps and not _is_over(points):
            rate = rates[0] * (rates[1] / rates[0]) ** (len(points) / (steps - 1))
            loss, _ = stepper.step(rate).tolist()
            points.append(Point(rate, loss, _smoothed([*(point.loss for point in points), loss])))
            if len(points) % max(1, steps // LOOKS) == 0:
                report(Progress("trying rates", len(points), steps, {"loss": loss, "rate": rate}))
    return RangeTest(tuple(point for point in points if math.isfinite(point.smoothed)), steps)


def _smoothed(losses: list[float]) -> float:
    """Return the exponentially weighted mean of the losses, the last one heaviest; weights sum to 1."""
    weights = [SMOOTHING**age for age in range(len(losses))][::-1]
    return sum(w * loss for w, loss in zip(weights, losses, strict=True)) / sum(weights)


def _is_over(points: list[Point]) -> bool:
    if not points:
        return False
    last = points[-1].smoothed
    return not math.isfinite(last) or last > DIVERGED * min(point.smoothed for point in points)


def _check(rates: tuple[float, float], steps: int) -> None:
    if not 0 < rates[0] < rates[1]:
        raise ValueError(f"rates must rise from above 0, got {rates[0]:g} to {rates[1]:g}")
    if not FEWEST_STEPS <= steps <= MOST_STEPS:
        raise ValueError(f"steps must lie in [{FEWEST_STEPS}, {MOST_STEPS}], got {steps}")
