"""Carries out a recipe's wishes about the data: changed copies of pictures, repeated rows of rare classes.

Apart from batches.py, because Albumentations and imbalanced-learn take ten CPU-seconds to import on a slow
machine and a plain training needs neither.
"""

import numpy as np
from numpy.typing import NDArray

from augment import plans, policies, policy_specs, rebalance
from labeling.progress import Progress, Report, silent
from trainer.engine.material import Examples, Material, Pixels
from trainer.engine.recipe import Recipe


def enrich(examples: Examples, recipe: Recipe, *, seed: int, report: Report = silent) -> Material:
    """Return the material of a recipe that changes its data; give it the training fold only.

    The changed copies are drawn once, before training, and shown in turn: at 32 pixels Albumentations gives
    about 2,000 pictures a CPU-second, and 350 pictures x 70 epochs on the fly would cost 12 s, 12 copies 2 s.
    """
    rows: NDArray[np.int64] = np.arange(len(examples.labels))
    if recipe.rebalance is not None:
        targets = plans.target_counts(np.bincount(examples.labels), recipe.rebalance)
        rows = rebalance.draw(examples.labels, targets, np.random.default_rng(seed))
    bank = examples.pixels[None] if recipe.policy is None else _copies(examples, recipe, seed, report)
    return Material(bank, examples.labels, rows, enriched=True)


def _copies(examples: Examples, recipe: Recipe, seed: int, report: Report) -> Pixels:
    """Return (C, N, R, R, 3): changed copies only; a policy leaves some pictures as they are by chance."""
    spec = policy_specs.spec(str(recipe.policy))
    bank = np.empty((recipe.copies, *examples.pixels.shape), np.uint8)
    for copy in range(recipe.copies):
        bank[copy] = policies.apply(spec, examples.pixels, examples.keys, seed=seed, copy=copy)
        report(Progress("changing pictures", copy + 1, recipe.copies))
    return bank
