"""Draws the rows of a plan: rare classes' rows several times.  Row numbers only, never copies of pixels."""

import numpy as np
from imblearn.over_sampling import RandomOverSampler
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def draw(labels: Ints, targets: Ints, rng: np.random.Generator) -> Ints:
    """Return (M,) row numbers into `labels`, targets[c] of each class c; every row comes at least once.

    Give it the labels of the training fold alone: what it has not seen it cannot repeat.  Raises ValueError
    if a class would shrink, or has to grow from nothing.
    """
    counts = np.bincount(labels, minlength=len(targets))
    if (targets < counts).any() or (targets[counts == 0] > 0).any():
        raise ValueError(
            f"targets must not lie below the counts, nor above 0 without a sample: {targets}, {counts}"
        )
    wanted = {c: int(targets[c]) for c in np.flatnonzero(counts)}
    if len(wanted) < 2:  # imbalanced-learn asks for two classes; one alone has nothing to be balanced with
        return np.arange(len(labels))
    sampler = RandomOverSampler(sampling_strategy=wanted, random_state=int(rng.integers(2**31)))
    sampler.fit_resample(np.arange(len(labels))[:, None], labels)
    return np.asarray(sampler.sample_indices_, dtype=np.int64)
