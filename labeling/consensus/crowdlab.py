"""Consensus by people and a model together: CROWDLAB, as cleanlab has it.

Source: H. W. Goh, U. Tkachenko and J. Mueller 2022, "CROWDLAB: Supervised learning to infer consensus labels
and quality scores for data with multiple annotators"; cleanlab 2.9.0, Apache-2.0 (before 2.8 it was AGPL).
"""

import numpy as np
from cleanlab.multiannotator import get_label_quality_multiannotator
from numpy.typing import NDArray

from labeling.consensus import table
from labeling.consensus.table import NOTHING, Said, Weighed

APART = 1e-9  # relative: what keeps equal chances from a draw by numpy's global generator


def consensus(said: Said, probs: NDArray[np.floating], rng: np.random.Generator) -> Weighed:
    """Weigh opinions `said` (N, A) with a model's out-of-sample probabilities (N, K).

    A label may be a class that nobody named.  The quality of who shares no sample with anybody is NaN.
    Raises ValueError where a sample has no opinion, a person gave none, or nowhere two people agree.
    """
    votes = table.counts(said, probs.shape[1])
    if len(said) != len(probs) or (votes.sum(axis=1) == 0).any() or not (votes > 1).any():
        raise ValueError("CROWDLAB needs an opinion of each sample, and two that agree on at least one")
    if (said == NOTHING).all(axis=0).any():
        raise ValueError("CROWDLAB needs an opinion of each person")
    apart = probs.astype(np.float64) * (1 + APART * rng.random(probs.shape))
    with np.errstate(invalid="ignore"):
        found = get_label_quality_multiannotator(
            np.where(said == NOTHING, np.nan, said),
            apart / apart.sum(axis=1, keepdims=True),
            return_detailed_quality=False,
            verbose=False,
        )
    samples, people = found["label_quality"], found["annotator_stats"].sort_index()
    return Weighed(
        samples["consensus_label"].to_numpy(np.int64),
        samples["consensus_quality_score"].to_numpy(np.float64),
        people["annotator_quality"].to_numpy(np.float64),
    )
