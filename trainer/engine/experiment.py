"""One whole training: from frozen data to a model, measured on test items that it never saw."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeling.progress import Report, silent
from labeling.snapshot import Snapshot
from trainer.engine import loop, material, metrics
from trainer.engine.device import Device
from trainer.engine.loop import Trained
from trainer.engine.material import Pixels, Prepare
from trainer.engine.networks import Classifier
from trainer.engine.predictions import TestPredictions
from trainer.engine.recipe import Recipe

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Outcome:
    """A model and what it is worth."""

    trained: Trained
    tested: TestPredictions
    report: metrics.Report


def carry_out(
    snapshot: Snapshot,
    decoded: Pixels,
    rows: Rows,
    recipe: Recipe,
    *,
    seed: int,
    device: Device,
    prepare: Prepare = material.as_they_are,
    report: Report = silent,
) -> Outcome:
    """Train from scratch on these rows of the snapshot and measure on all its test rows.

    `decoded` holds all pictures of the snapshot, as pixels.load gives them.  `prepare` sees the training
    examples alone; a recipe that changes its data needs enrichment.enrich there.
    Never from a smaller subset's weights: a warm start would bend a curve.  Raises ValueError for a row that
    is tested.
    """
    if snapshot.is_test[rows].any():
        raise ValueError("a test row must never be trained on")
    examples = material.pick(decoded, snapshot, rows)
    k = len(snapshot.classes)
    trained = loop.train(prepare(examples), recipe, k, seed=seed, device=device, report=report)
    tested = examine(trained.model, decoded, snapshot, device, report)
    measured = metrics.evaluate(tested.probs, tested.labels, np.random.default_rng(seed))
    return Outcome(trained, tested, measured)


def examine(
    model: Classifier, decoded: Pixels, snapshot: Snapshot, device: Device, report: Report = silent
) -> TestPredictions:
    """Return what a model says of the snapshot's test items; it must know the snapshot's classes."""
    held_out = snapshot.test_rows
    return TestPredictions(
        keys=np.array([snapshot.keys[row] for row in held_out], dtype=np.str_),
        labels=snapshot.labels[held_out],
        probs=loop.predict(model, decoded, device, rows=held_out, report=report),
        classes=np.array(snapshot.classes, dtype=np.str_),
    )
