"""What can be mended after training: how sure a model is, and how it weighs rare classes.

Light: numpy only.  Both are free: no training, one number each.  They are fitted on out-of-fold or validation
probabilities, never on the test items that measure them.  Logarithms of probabilities take the place of
logits: they differ by a constant per item, which no formula here sees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from trainer.engine import comparison, intervals, metrics
from trainer.engine.comparison import Difference
from trainer.engine.intervals import Floats, Interval, Ints
from trainer.engine.metrics import Probs

TAUS = (0.0, 0.5, 1.0, 1.5)
TEMPERATURES = (0.05, 20.0)  # the range that is searched
LEAST_PROB = float(np.finfo(np.float32).tiny)  # predictions are kept in single precision
CROSS_FITS = 5  # parts: each is judged by what the other four choose


@dataclass(frozen=True)
class Fit:
    """The two numbers, and what choosing them gains on items that took no part in the choice."""

    temperature: float
    tau: float
    nll: Interval  # how much lower the cross-fitted temperature makes it, 95 % paired bootstrap
    balanced_accuracy: Difference  # of the cross-fitted tau against the plain calls


def fit(probs: Probs, labels: Ints, counts: Ints, rng: np.random.Generator) -> Fit:
    """Fit both on probabilities (N, K) of items that the models were not trained on.

    counts (K,) are the labels of each class in training.  Gains are cross-fitted: the items are dealt into
    parts at random, class by class, and each part is judged with the numbers that the others choose.
    """
    metrics.check(probs, labels)
    parts = _parts(labels, rng)
    scaled, adjusted = np.array(probs, np.float64), np.array(probs, np.float64)
    for part in range(CROSS_FITS):
        held, rest = parts == part, parts != part
        if held.any() and rest.any():
            scaled[held] = scale(probs[held], temperature(probs[rest], labels[rest]))
            adjusted[held] = adjust(probs[held], counts, best_tau(probs[rest], labels[rest], counts))
    calls = comparison.compare(probs, adjusted, labels, rng)
    return Fit(
        temperature=temperature(probs, labels),
        tau=best_tau(probs, labels, counts),
        nll=comparison.compare_losses(probs, scaled, labels, rng)["nll"],
        balanced_accuracy=next(found for found in calls if found.metric == "balanced_accuracy"),
    )


def temperature(probs: Probs, labels: Ints) -> float:
    """Return the T > 0 whose softmax(log p / T) has the smallest NLL on these items.

    Above 1 the model was too sure.  Guo et al. 2017, "On calibration of modern neural networks".  In 1/T the
    NLL is convex, so its slope crosses zero once and is found by halving; 0.05 or 20 where it does not.
    """
    logs = _logs(probs)
    target = float(logs[np.arange(len(labels)), labels].mean())

    def slope(log_inverse: float) -> float:
        return float((_softmax(logs * math.exp(log_inverse)) * logs).sum(1).mean()) - target

    low, high = (-math.log(end) for end in reversed(TEMPERATURES))
    return math.exp(-intervals.bisect(slope, low, high))


def scale(probs: Probs, temperature: float) -> Floats:
    """Return softmax(log p / T): as sure as T says; the calls stay as they are."""
    return _softmax(_logs(probs) / temperature)


def adjust(probs: Probs, counts: Ints, tau: float) -> Floats:
    """Return softmax(log p - tau log pi), pi the shares of the classes in training: the rare gain.

    Menon et al. 2021, "Long-tail learning via logit adjustment", equation 9.  tau = 1 calls as if all classes
    were equally frequent.  A class without a label counts as one with a single label.
    """
    known = np.maximum(counts, 1)
    return _softmax(_logs(probs) - tau * np.log(known / known.sum()))


def best_tau(probs: Probs, labels: Ints, counts: Ints) -> float:
    """Return the one of TAUS whose calls have the best balanced accuracy; the smallest of equals."""
    found = np.bincount(labels, minlength=probs.shape[1])
    scores = []
    for tau in TAUS:
        right = labels[adjust(probs, counts, tau).argmax(1) == labels]
        recalls = np.bincount(right, minlength=len(found))[found > 0] / found[found > 0]
        scores.append(round(float(recalls.mean()), 12))  # rounding errors must not break a tie
    return TAUS[int(np.argmax(scores))]


def _parts(labels: Ints, rng: np.random.Generator) -> Ints:
    """Return (N,) part numbers; each class is dealt out evenly."""
    parts = np.empty(len(labels), np.int64)
    start = 0
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        parts[rows] = (np.arange(len(rows)) + start) % CROSS_FITS
        start += len(rows)
    return parts


def _logs(probs: Probs) -> Floats:
    return np.log(np.clip(np.asarray(probs, np.float64), LEAST_PROB, 1))


def _softmax(logits: Floats) -> Floats:
    grown = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(grown / grown.sum(1, keepdims=True), dtype=np.float64)
