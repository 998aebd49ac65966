"""One training of a curve: a subset of the labeled pool, measured on the test rows that all subsets share."""

import numpy as np
from numpy.typing import NDArray

from labeling.progress import Report, silent
from labeling.snapshot import Snapshot
from trainer.engine import loop, material, metrics
from trainer.engine.device import Device
from trainer.engine.material import Pixels, Prepare
from trainer.engine.recipe import Recipe


def measure(
    snapshot: Snapshot,
    decoded: Pixels,
    rows: NDArray[np.int64],
    recipe: Recipe,
    *,
    seed: int,
    device: Device,
    prepare: Prepare = material.as_they_are,
    report: Report = silent,
) -> metrics.Report:
    """Train from scratch on these rows of the snapshot, whose pictures `decoded` holds, and measure.

    Never from a smaller subset's weights: a warm start would bend the curve.
    """
    examples = prepare(material.pick(decoded, snapshot, rows))
    trained = loop.train(examples, recipe, len(snapshot.classes), seed=seed, device=device, report=report)
    held_out = snapshot.test_rows
    probs = loop.predict(trained.model, decoded, device, rows=held_out)
    return metrics.evaluate(probs, snapshot.labels[held_out], np.random.default_rng(seed))
