"""One whole training: from frozen data to a model, measured on test items that it never saw."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labeling.progress import Report, silent
from labeling.snapshot import Snapshot
from trainer.engine import course, inference, loop, material, metrics, stopping
from trainer.engine.course import Aids, Trained
from trainer.engine.device import Device
from trainer.engine.material import Decoded, Examples, Material, Prepare
from trainer.engine.networks.build import Classifier
from trainer.engine.predictions import TestPredictions
from trainer.engine.recipe import Recipe

Rows = NDArray[np.int64]


class Train(Protocol):
    """What loop.train does; distributed.train does it with several processes."""

    def __call__(
        self,
        material: Material,
        recipe: Recipe,
        n_classes: int,
        *,
        seed: int,
        device: Device,
        report: Report = ...,
        aids: Aids | None = ...,
    ) -> Trained: ...


@dataclass(frozen=True, eq=False)
class Outcome:
    """A model and what it is worth; `ensemble` is the mean word of its snapshots, if it has any."""

    trained: Trained
    tested: TestPredictions
    report: metrics.Report
    ensemble: TestPredictions | None = None


def carry_out(
    snapshot: Snapshot,
    decoded: Decoded,
    rows: Rows,
    recipe: Recipe,
    *,
    seed: int,
    device: Device,
    prepare: Prepare = material.as_they_are,
    report: Report = silent,
    aids: Aids | None = None,
    train: Train = loop.train,
) -> Outcome:
    """Train from scratch on these rows of the snapshot and measure on all its test rows.

    `decoded` holds all pictures of the snapshot, as pixels.load gives them.  `prepare` sees the training
    examples alone; a recipe that enriches its data needs enrichment.enrich there.  Where the recipe asks for
    validation, that share of the rows steers early stopping and is not trained on.
    Never from a smaller subset's weights: a warm start would bend a curve.  Raises ValueError for a row that
    is tested.
    """
    if snapshot.is_test[rows].any():
        raise ValueError("a test row must never be trained on")
    examples, held_out = _parts(snapshot, decoded, rows, recipe, seed)
    trained = train(
        prepare(examples),
        recipe,
        len(snapshot.classes),
        seed=seed,
        device=device,
        report=report,
        aids=replace(aids or Aids(), validation=held_out),
    )
    tested = examine(trained.model, decoded, snapshot, device, report)
    measured = metrics.evaluate(tested.probs, tested.labels, np.random.default_rng(seed))
    return Outcome(trained, tested, measured, _test_snapshots(snapshot, decoded, trained, device, tested))


def _parts(
    snapshot: Snapshot, decoded: Decoded, rows: Rows, recipe: Recipe, seed: int
) -> tuple[Examples, Examples | None]:
    """Return what is trained on, and what early stopping looks at, if the recipe asks for it."""
    if not recipe.validation:
        return material.pick(decoded, snapshot, rows), None
    groups = [snapshot.groups[row] for row in rows]
    rng = np.random.default_rng(seed)
    learning, watching = stopping.split(snapshot.labels[rows], groups, recipe.validation, rng)
    return material.pick(decoded, snapshot, rows[learning]), material.pick(decoded, snapshot, rows[watching])


def examine(
    model: Classifier, decoded: Decoded, snapshot: Snapshot, device: Device, report: Report = silent
) -> TestPredictions:
    """Return what a model says of the snapshot's test items; it must know the snapshot's classes."""
    held_out = snapshot.test_rows
    return TestPredictions(
        keys=np.array([snapshot.keys[row] for row in held_out], dtype=np.str_),
        labels=snapshot.labels[held_out],
        probs=inference.predict(model, decoded, device, rows=held_out, report=report),
        classes=np.array(snapshot.classes, dtype=np.str_),
    )


def _test_snapshots(
    snapshot: Snapshot, decoded: Decoded, trained: Trained, device: Device, tested: TestPredictions
) -> TestPredictions | None:
    """Return the mean word of the snapshots, None of fewer than two.

    Source: Huang et al. 2017, "Snapshot ensembles: train 1, get M for free".
    """
    if len(trained.snapshots) < 2:
        return None
    kept = course.copy_of(trained.model.state_dict())
    said = []
    for weights in trained.snapshots:
        trained.model.load_state_dict(weights)
        said.append(inference.predict(trained.model, decoded, device, rows=snapshot.test_rows))
    trained.model.load_state_dict(kept)
    return replace(tested, probs=np.mean(said, axis=0).astype(np.float32))
