"""Labels that are likely wrong, by probabilities of models that never saw them.

Source: C. G. Northcutt, L. Jiang and I. L. Chuang 2021, "Confident Learning: Estimating Uncertainty in
Dataset Labels", JAIR 70; cleanlab 2.9.0, Apache-2.0 (before 2.8 it was AGPL).
"""

import warnings
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray


class Filter(StrEnum):
    """How the flagged ones are chosen; the names are cleanlab's."""

    NOISE_RATE = "prune_by_noise_rate"
    CLASS = "prune_by_class"
    BOTH = "both"
    CONFIDENT = "confident_learning"


class Score(StrEnum):
    """How good a label looks, in [0, 1], up is better; the names are cleanlab's."""

    SELF_CONFIDENCE = "self_confidence"  # the probability of the given label
    MARGIN = "normalized_margin"  # (1 + p(given) - p(likeliest other)) / 2


class Issue(NamedTuple):
    """A label that is likely wrong: a proposal, never a verdict."""

    row: int
    given: int
    proposed: int  # the likeliest class; another one than `given`
    score: float  # in [0, 1]: the lower, the likelier the label is wrong
    confidence: float  # probability of the proposed class
    reason: str  # one sentence for a person


def find(
    labels: NDArray[np.integer],
    probs: NDArray[np.floating],
    classes: Sequence[str],
    *,
    chosen_by: Filter = Filter.NOISE_RATE,
    ranked_by: Score = Score.SELF_CONFIDENCE,
) -> tuple[Issue, ...]:
    """Return the doubtful ones of labels (N,) in [0, K), the most doubtful first, equals by row.

    probs (N, K) must be out-of-sample: of models that never saw the labels of the rows they judge.  A class
    with fewer than five labels is never flagged: the noise of so few cannot be told (not so by
    Filter.CONFIDENT).  Raises ValueError where the shapes or ranges do not fit.
    """
    _check(labels, probs, len(classes))
    if not len(labels):
        return ()
    exact = probs.astype(np.float64)
    with warnings.catch_warnings():  # what it says of rare classes stands above
        warnings.simplefilter("ignore", UserWarning)
        flagged = find_label_issues(labels, exact, filter_by=chosen_by.value, n_jobs=1)
    scores = get_label_quality_scores(labels, exact, method=ranked_by.value)
    best = exact.argmax(axis=1)
    rows = np.flatnonzero(flagged & (best != labels))
    ranked = rows[np.argsort(scores[rows], kind="stable")].tolist()
    return tuple(
        _issue(row, int(labels[row]), int(best[row]), scores[row], exact[row], classes) for row in ranked
    )


def _issue(
    row: int, given: int, proposed: int, score: float, probs: NDArray[np.float64], classes: Sequence[str]
) -> Issue:
    reason = (
        f"A model that never saw this label gives “{_short(classes[proposed])}” {probs[proposed]:.2f} "
        f"and “{_short(classes[given])}” {probs[given]:.2f}."
    )
    return Issue(row, given, proposed, float(score), float(probs[proposed]), reason)


def _short(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:59]}…"


def _check(labels: NDArray[np.integer], probs: NDArray[np.floating], k: int) -> None:
    if k < 2 or probs.shape != (len(labels), k):
        raise ValueError(f"probs must be ({len(labels)}, {k}), at least two classes; got {probs.shape}")
    if len(labels) and not 0 <= labels.min() <= labels.max() < k:
        raise ValueError(f"labels must lie in [0, {k}), got {labels.min()} to {labels.max()}")
    if not np.isfinite(probs).all() or (probs < 0).any():
        raise ValueError("probs must be finite and not negative")
