"""The way a training goes: its history, what early stopping keeps, snapshots, checkpoints."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labeling.progress import Cancelled, Progress, Report
from trainer.engine import inference, schedules, stopping
from trainer.engine.checkpoints import Checkpoint
from trainer.engine.device import Device
from trainer.engine.fits import Fits
from trainer.engine.material import Examples
from trainer.engine.networks.build import Classifier
from trainer.engine.recipe import Recipe
from trainer.engine.stepper import Stepper
from trainer.engine.stopping import Patience, Score
from trainer.engine.world import ALONE, World

LOOKS = 40  # points of the history; each reads two numbers from the device


class Diverged(Exception):
    """The loss left every sensible range; the message says where, and what to change."""


class Step(NamedTuple):
    """Means over the steps since the last point, on the training batches (changed pictures included)."""

    step: int
    loss: float
    accuracy: float
    rate: float = 0.0  # the learning rate of this step
    validation_loss: float | None = None  # of the unchanged validation pictures, after this step
    validation_accuracy: float | None = None


@dataclass(frozen=True)
class Trained:
    """What a training leaves.  `snapshots` are the weights at the end of each cycle of "restarts"."""

    model: Classifier
    history: tuple[Step, ...]
    best: Score | None = None  # what early stopping kept; None without validation items
    watched: int = 0  # validation items that it looked at
    snapshots: tuple[dict[str, Tensor], ...] = ()
    warnings: tuple[str, ...] = ()
    began: Mapping[str, object] = field(default_factory=dict)  # what it started from: "weights", "probe"

    @property
    def steps(self) -> int:
        return self.history[-1].step


@dataclass(frozen=True)
class Aids:
    """What a training may lean on beside its data; `validation` and `weights` decide about the result."""

    validation: Examples | None = None  # steers early stopping; never trained on
    checkpoint: Checkpoint | None = None
    fits: Fits = field(default_factory=Fits)
    world: World = ALONE
    weights: Path | None = None  # the file that "self-supervised" means


class Course:
    """What a training remembers on its way: the history, the best weights, the snapshots."""

    def __init__(self, stepper: Stepper, recipe: Recipe, steps: int, device: Device, aids: Aids) -> None:
        self._stepper = stepper
        self._recipe = recipe
        self._steps = steps
        self._device = device
        self._aids = aids
        self._every = math.ceil(steps / LOOKS)
        self._ends = schedules.cycle_ends(recipe, steps) if recipe.schedule == "restarts" else ()
        self._sums = torch.zeros(2, device=device.name)
        self._patience = Patience(recipe.patience, steps)
        self._history: list[Step] = []
        self._best: dict[str, Tensor] = {}
        self._snapshots: list[dict[str, Tensor]] = []

    @property
    def done(self) -> int:
        return self._history[-1].step if self._history else 0

    def note(self, step: int, figures: Tensor) -> None:
        self._sums += figures
        if step in self._ends:
            self._snapshots.append(copy_of(self._stepper.weights()))

    def is_look(self, step: int) -> bool:
        return step % self._every == 0 or step == self._steps

    def look(self, step: int, rate: float) -> None:
        """Read the figures of the last steps and write them down."""
        loss, accuracy = (self._sums / (step - self.done)).tolist()
        self._sums.zero_()
        _check_loss(loss, step, self._steps, self._recipe, self._stepper.model.head.out_features)
        score = self._validate(step)
        found = (score.loss, score.accuracy) if score else ()
        self._history.append(Step(step, loss, accuracy, rate, *found))

    def tell(self, report: Report, name: str) -> None:
        """Report the newest point; where that stops the training, what was learned is kept."""
        step = self._history[-1]
        values = {"loss": step.loss, "accuracy": step.accuracy}
        if step.validation_accuracy is not None:
            values["validation_accuracy"] = step.validation_accuracy
        try:
            report(Progress("training", step.step, self._steps, values))
        except Cancelled:
            self.keep(name, at_once=True)
            raise

    def is_over(self, step: int) -> bool:
        return self._patience.is_over(step)

    def keep(self, name: str, *, at_once: bool = False) -> None:
        """Write a checkpoint where one is due."""
        checkpoint = self._aids.checkpoint
        if checkpoint is None or self._aids.world.rank:
            return
        if at_once or checkpoint.is_due():
            checkpoint.save(name, {"stepper": self._stepper.state(), **self._state()})

    def resume(self, name: str) -> None:
        """Take up the checkpoint of the same training, where there is one."""
        found = self._aids.checkpoint.load(name) if self._aids.checkpoint else None
        if found is None:
            return
        self._stepper.resume(found["stepper"])
        self._history = [Step(*step) for step in found["history"]]
        self._best, self._snapshots = found["best"], found["snapshots"]
        self._patience.best = Score(*found["score"]) if found["score"] else None

    def probed(self, report: Report) -> Trained:
        """Return the model whose head was solved on features that stay as they are: one step, no way."""
        found = cast(dict[str, float], self._stepper.began["probe"])
        step = Step(1, found["loss"], found["accuracy"])
        report(Progress("training", 1, 1, {"loss": step.loss, "accuracy": step.accuracy}))
        return Trained(self._stepper.model.eval(), (step,), began=self._stepper.began)

    def trained(self) -> Trained:
        model, best = self._stepper.model, self._patience.best
        model.load_state_dict(self._best if best else self._stepper.weights())
        held_out = self._aids.validation
        warning = stopping.warning(best.accuracy, len(held_out.labels)) if best and held_out else ""
        return Trained(
            model.eval(),
            tuple(self._history),
            best,
            len(held_out.labels) if held_out else 0,
            tuple(self._snapshots),
            (warning,) if warning else (),
            self._stepper.began,
        )

    def _state(self) -> dict[str, Any]:
        best = self._patience.best
        return {
            "history": [tuple(step) for step in self._history],
            "best": self._best,
            "snapshots": self._snapshots,
            "score": tuple(best) if best else None,
        }

    def _validate(self, step: int) -> Score | None:
        """Score the weights that would predict now on the validation items; keep the best ones."""
        held_out = self._aids.validation
        if held_out is None or len(held_out.labels) == 0:
            return None
        model, training = self._stepper.model, copy_of(self._stepper.model.state_dict())
        weights = self._stepper.weights()
        model.load_state_dict(weights)
        probs = inference.predict(model, held_out.pixels, self._device)
        score = _score(step, probs, held_out.labels)
        if self._patience.look(score):
            self._best = copy_of(weights)
        model.load_state_dict(training)
        return score


def _score(step: int, probs: NDArray[np.float32], labels: NDArray[np.int64]) -> Score:
    likely = np.clip(probs[np.arange(len(labels)), labels].astype(np.float64), 1e-12, 1)
    return Score(step, float((probs.argmax(1) == labels).mean()), float(-np.log(likely).mean()))


def copy_of(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in weights.items()}


def _check_loss(loss: float, step: int, steps: int, recipe: Recipe, n_classes: int) -> None:
    """A guess by chance costs ln K; ten times that is confidently wrong and does not come back."""
    if math.isfinite(loss) and loss <= 10 * math.log(n_classes):
        return
    raise Diverged(
        f"The training diverged: the loss was {loss:.3g} at step {step} of {steps}, where guessing costs"
        f" {math.log(n_classes):.3g}. Lower the learning rate (now {recipe.learning_rate:g}), or raise the"
        f" warm-up (now {recipe.warmup:.0%} of the steps)."
    )
