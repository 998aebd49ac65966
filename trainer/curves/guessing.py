"""What guessing scores: it anchors a curve at its start."""

from collections.abc import Sequence

import numpy as np


def scores(counts: Sequence[int]) -> dict[str, float]:
    """Return the score of guessing by metric; counts (K,) are the test items of every class.

    accuracy: the share of the largest class, which always naming it reaches.
    balanced_accuracy: 1 / K, whatever is named.
    macro_f1: what naming each class equally often reaches, the mean over classes of 2 p q / (p + q) with
    p the share of the class and q = 1 / K; on balanced classes 1 / K.  Always naming the largest class
    reaches less, unless it has nearly all items.
    recall: 0, the recall of a class that is never named.
    Classes without test items are left out.
    """
    present = np.array([count for count in counts if count > 0], float)
    if not len(present):
        raise ValueError("guessing scores nothing where there are no test items")
    share, named = present / present.sum(), 1 / len(present)
    return {
        "accuracy": float(share.max()),
        "balanced_accuracy": named,
        "macro_f1": float((2 * share * named / (share + named)).mean()),
        "recall": 0.0,
    }
