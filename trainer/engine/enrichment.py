"""Carries out a recipe's wishes about the data: changed copies of pictures, repeated rows of rare classes.

Apart from batches.py, because Albumentations and imbalanced-learn take ten CPU-seconds to import on a slow
machine and a plain training needs neither.
"""

import math

import numpy as np
from numpy.typing import NDArray

from augment import plans, policies, policy_specs, rebalance
from augment.policy_specs import PolicySpec
from labeling.progress import Progress, Report, silent
from trainer.engine.material import Examples, Material, Pixels
from trainer.engine.recipe import Recipe


def enrich(examples: Examples, recipe: Recipe, *, seed: int, report: Report = silent) -> Material:
    """Return the material of a recipe that changes its data; give it the training fold only.

    The changed copies are drawn once, before training, and shown in turn: at 32 pixels Albumentations gives
    about 1,500 pictures a CPU-second, so that 12 copies of 350 pictures cost 3 s, fresh ones in each epoch 5.
    """
    rows: NDArray[np.int64] = np.arange(len(examples.labels))
    if recipe.rebalance is not None:
        targets = plans.target_counts(np.bincount(examples.labels), recipe.rebalance)
        rows = rebalance.draw(examples.labels, targets, np.random.default_rng(seed))
    if recipe.policy is None:
        return Material(examples.pixels[None], examples.labels, rows, enriched=True)
    spec = policy_specs.spec(recipe.policy)
    bank = _changed(examples, spec, copies_shown(recipe, rows), seed, report)
    return Material(bank, examples.labels, rows, enriched=True)


def copies_shown(recipe: Recipe, rows: NDArray[np.int64]) -> int:
    """Return how many of the recipe's copies the training will come to; the rest need not be drawn.

    In epoch e the j-th occurrence of a row shows copy e + j.  A large dataset sees few epochs: of 50,000
    pictures two copies instead of twelve, which would fill 1.8 GB.
    """
    shown = recipe.steps(len(np.unique(rows))) * min(recipe.batch, len(rows))
    epochs = math.ceil(shown / len(rows))
    return min(recipe.copies, epochs + int(np.bincount(rows).max()) - 1)


def _changed(examples: Examples, spec: PolicySpec, copies: int, seed: int, report: Report) -> Pixels:
    """Return (copies, N, R, R, 3): changed ones only; a policy leaves some pictures as they are by chance."""
    bank = np.empty((copies, *examples.pixels.shape), np.uint8)
    for copy in range(copies):
        bank[copy] = policies.apply(spec, examples.pixels, examples.keys, seed=seed, copy=copy)
        report(Progress("changing pictures", copy + 1, copies))
    return bank
