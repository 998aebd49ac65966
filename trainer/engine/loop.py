"""The training loop, in the open: material, recipe and seed in; model and history out."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from labeling.progress import Report, silent
from trainer.engine import checkpoints, schedules
from trainer.engine.course import Aids, Course, Trained
from trainer.engine.device import Device
from trainer.engine.material import Material
from trainer.engine.recipe import Recipe
from trainer.engine.stepper import Stepper


def train(
    material: Material,
    recipe: Recipe,
    n_classes: int,
    *,
    seed: int,
    device: Device,
    report: Report = silent,
    aids: Aids | None = None,
) -> Trained:
    """Train for `recipe.steps(material.n)` steps; no test item is ever seen here.

    From scratch, or from the weights that the recipe names; "probe" solves the head on fixed features and
    takes no step, "probe-then-full" does that first.

    With validation items the training ends once `recipe.patience` is over, and the best weights are kept.
    A checkpoint of the same training is taken up and ends in the same bits.  Deterministic as far as `Device`
    says.  Raises Diverged, DoesNotFit, and whatever report raises (Cancelled).
    """
    check(material, recipe, n_classes)
    aids = aids or Aids()
    steps = recipe.steps(material.n)
    with own_random_state(seed, device):
        stepper = Stepper(
            material,
            recipe,
            n_classes,
            seed=seed,
            device=device,
            remembered=aids.fits,
            world=aids.world,
            weights=aids.weights,
        )
        course = Course(stepper, recipe, steps, device, aids)
        if recipe.tuning == "probe":
            return course.probed(report)
        name = (
            checkpoints.identity(material, recipe, seed, n_classes, stepper.began) if aids.checkpoint else ""
        )
        course.resume(name)
        for step in range(course.done + 1, steps + 1):
            rate = schedules.learning_rate(recipe, step, steps)
            course.note(step, stepper.step(rate))
            if course.is_look(step):
                course.look(step, rate)
                course.tell(report, name)
                if course.is_over(step):
                    break
                course.keep(name)
    return course.trained()


@contextmanager
def own_random_state(seed: int, device: Device) -> Iterator[None]:
    """Some backbones draw from torch's own generators: seed them for this training and leave no trace."""
    with torch.random.fork_rng(devices=[device.name] if device.name != "cpu" else []):
        torch.manual_seed(seed)
        yield


def check(material: Material, recipe: Recipe, n_classes: int) -> None:
    """Raise ValueError where the material cannot be trained on with this recipe."""
    if n_classes < 2 or len(np.unique(material.labels)) < 2:
        raise ValueError("a classifier needs examples of at least two classes")
    if material.labels.max() >= n_classes:
        raise ValueError(f"labels must lie in [0, {n_classes}), got {material.labels.max()}")
    if material.enriched != recipe.enriches:
        raise ValueError(
            "a recipe with copies or rebalancing needs enriched material, and only such a recipe"
        )
