"""A map of batch sizes and epochs: what each is worth when all see equally many samples."""

import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import NamedTuple

from labeling.progress import Progress, Report, silent
from trainer.engine import inference, loop
from trainer.engine.course import Aids, Diverged, Trained
from trainer.engine.device import Device
from trainer.engine.intervals import Interval, wilson
from trainer.engine.material import Examples, Material
from trainer.engine.recipe import Recipe
from trainer.search.limits import MOST_CELLS


class Setting(NamedTuple):
    """One training of the map.  Equal epochs are equal samples, whatever the batch."""

    batch: int
    epochs: float
    steps: int
    rate: float  # peak learning rate

    @property
    def samples(self) -> int:
        return self.batch * self.steps


@dataclass(frozen=True)
class Cell:
    """What came of one setting, measured on n validation pictures after its last step."""

    batch: int
    epochs: float
    steps: int
    rate: float
    samples: int
    n: int
    accuracy: Interval | None  # Wilson's 95 %; None where the training diverged
    duration_s: float
    cpu_s: float
    trouble: str = ""  # why there is no accuracy

    def to_json(self) -> dict[str, object]:
        return {**asdict(self), "accuracy": self.accuracy._asdict() if self.accuracy else None}


def scaled_rate(recipe: Recipe, batch: int) -> float:
    """Return the recipe's learning rate at another batch size.

    SGD takes it in proportion to the batch (Goyal et al. 2017, "Accurate, large minibatch SGD"); optimizers
    that divide by the gradient's size take it by the root (Malladi et al. 2022, "On the SDEs and scaling
    rules for adaptive gradient algorithms"): Adam, AdamW and Muon.
    """
    ratio = batch / recipe.batch
    return recipe.learning_rate * (ratio if recipe.optimizer == "sgd" else math.sqrt(ratio))


def plan(recipe: Recipe, rows: int, batches: Sequence[int], epochs: Sequence[float]) -> tuple[Setting, ...]:
    """Return the settings of a map over `rows` drawn rows an epoch, the cheapest first.

    Raises ValueError for a batch that is larger than the rows, and for too few or too many settings.
    """
    if not 1 <= len(batches) * len(epochs) <= MOST_CELLS:
        raise ValueError(f"a map has 1 to {MOST_CELLS} settings, got {len(batches) * len(epochs)}")
    if min(epochs) <= 0:
        raise ValueError(f"epochs must be above 0, got {min(epochs):g}")
    if not 2 <= min(batches) <= max(batches) <= rows:
        raise ValueError(
            f"batches must lie in [2, {rows}], the rows of an epoch, got {min(batches)} to {max(batches)}"
        )
    return tuple(
        Setting(batch, epoch, max(1, round(epoch * rows / batch)), scaled_rate(recipe, batch))
        for epoch in sorted(set(epochs))
        for batch in sorted(set(batches))
    )


def batch_map(
    material: Material,
    held_out: Examples,
    recipe: Recipe,
    n_classes: int,
    settings: Sequence[Setting],
    *,
    seed: int,
    device: Device,
    known: Collection[tuple[int, float]] = (),
    report: Report = silent,
    aids: Aids | None = None,
) -> Iterator[Cell]:
    """Yield a cell as soon as its training is done; settings whose (batch, epochs) are known are left out.

    All trainings start from the same weights and end after their last step: early stopping would give them
    unequal samples.  `held_out` is measured on and never trained on.  A training that diverges is a cell with
    its trouble.  Of the aids only what is remembered and the weights count.  Raises ValueError for no
    validation pictures, and whatever report raises.
    """
    if len(held_out.labels) == 0:
        raise ValueError("a map needs validation pictures to measure on")
    aids = Aids(fits=aids.fits, weights=aids.weights) if aids else Aids()
    for done, setting in enumerate(settings):
        if (setting.batch, setting.epochs) in known:
            continue
        watch = _watch(setting, done, len(settings), report)
        train = partial(loop.train, n_classes=n_classes, seed=seed, device=device, report=watch, aids=aids)
        yield _measure(train, material, held_out, _exact(recipe, setting), setting, device)


def _exact(recipe: Recipe, setting: Setting) -> Recipe:
    """Return the recipe with the setting's batch, rate and number of steps, to be trained to its end."""
    return replace(
        recipe,
        batch=setting.batch,
        learning_rate=setting.rate,
        steps_per_root=0.0,  # min_steps is then the whole budget
        min_steps=setting.steps,
        validation=0.0,
    )


def _measure(
    train: Callable[[Material, Recipe], Trained],
    material: Material,
    held_out: Examples,
    recipe: Recipe,
    setting: Setting,
    device: Device,
) -> Cell:
    wall, cpu = time.perf_counter(), time.process_time()
    accuracy, trouble, n = None, "", len(held_out.labels)
    try:
        probs = inference.predict(train(material, recipe).model, held_out.pixels, device)
        accuracy = wilson(int((probs.argmax(1) == held_out.labels).sum()), n)
    except Diverged as error:
        trouble = str(error)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Cell(
        **setting._asdict(),
        samples=setting.samples,
        n=n,
        accuracy=accuracy,
        duration_s=round(wall, 3),
        cpu_s=round(cpu, 3),
        trouble=trouble,
    )


def _watch(setting: Setting, done: int, planned: int, report: Report) -> Report:
    """Return a report for one training that counts the trainings of the map."""

    def tell(progress: Progress) -> None:
        stage = f"{progress.stage}, batch {setting.batch}, {setting.epochs:g} epochs"
        report(Progress(stage, done, planned, progress.values))

    return tell
