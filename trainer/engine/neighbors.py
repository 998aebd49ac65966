"""A k-nearest-neighbor classifier on embeddings: exact, by cosine similarity.

Light: numpy only.  It has nothing to train, so it is the yardstick that every trained model must beat.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.floating]  # (N, D)
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

KS = (1, 3, 5, 9, 15, 25)
BLOCK = 1024  # query rows at once: 1024 x 100,000 similarities are 400 MB
TIE = 1e-3  # of a vote: what the nearest neighbor counts more than an infinitely far one, so that ties break


@dataclass(frozen=True, eq=False)
class Neighbors:
    """What the nearest labeled vectors say about M queries."""

    probs: Floats  # (M, K): shares of the k votes, rows sum to 1
    k: int
    left_out_accuracy: float  # of the training rows, each judged by the others, with this k


def classify(
    train: Vectors, labels: Ints, queries: Vectors, n_classes: int, *, ks: Sequence[int] = KS
) -> Neighbors:
    """Return the votes of each query's k nearest training vectors.

    train is (N, D), labels (N,) class numbers, queries (M, D).  Vectors are centered on the training mean, so
    that the cosine tells pictures of like brightness apart.  k is the one of `ks` with the best leave-one-out
    accuracy on the training rows, the larger one of equals; no query takes part in that.
    Raises ValueError where shapes or class numbers do not fit.
    """
    _check(train, labels, queries, n_classes)
    mean = train.mean(axis=0, dtype=np.float64).astype(np.float32)
    known, asked = _directions(train, mean), _directions(queries, mean)
    usable = [k for k in sorted(ks) if k < len(known)]
    scores = _left_out(known, labels, usable, n_classes)
    best = max(range(len(usable)), key=lambda i: (scores[i], usable[i]))
    probs = [_votes(*near, labels, n_classes) for near in _nearest(known, asked, usable[best])]
    shape = np.zeros((0, n_classes), np.float32)
    return Neighbors(np.concatenate([shape, *probs]), usable[best], scores[best])


def _directions(vectors: Vectors, mean: Floats) -> Floats:
    """Return centered vectors of length 1; one that equals the mean stays 0: it is near to nothing."""
    moved = vectors.astype(np.float32) - mean
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray(moved / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def _nearest(known: Floats, asked: Floats, k: int, *, own: bool = False) -> Iterator[tuple[Ints, Floats]]:
    """Yield (rows, similarities), (B, k) each, nearest first, in blocks; `own` leaves each row itself out."""
    for start in range(0, len(asked), BLOCK):
        near = asked[start : start + BLOCK] @ known.T
        if own:
            at = np.arange(len(near))
            near[at, start + at] = -np.inf
        rows = np.argpartition(-near, k - 1, axis=1)[:, :k]
        found = np.take_along_axis(near, rows, axis=1)
        order = np.lexsort((rows, -found), axis=1)  # equally near: by row number, so that the answer repeats
        yield np.take_along_axis(rows, order, axis=1), np.take_along_axis(found, order, axis=1)


def _votes(rows: Ints, similarities: Floats, labels: Ints, n_classes: int) -> Floats:
    """Return (B, K) shares of votes."""
    weights = 1 + TIE * (1 + similarities) / 2
    votes = np.zeros((len(rows), n_classes), np.float32)
    np.add.at(votes, (np.arange(len(rows))[:, None], labels[rows]), weights)
    return np.asarray(votes / votes.sum(axis=1, keepdims=True), dtype=np.float32)


def _left_out(known: Floats, labels: Ints, ks: Sequence[int], n_classes: int) -> list[float]:
    """Return the accuracy of each k on the training rows, each row judged by the others."""
    right = np.zeros(len(ks))
    done = 0
    for rows, similarities in _nearest(known, known, ks[-1], own=True):
        truth = labels[done : done + len(rows)]
        done += len(rows)
        for i, k in enumerate(ks):
            votes = _votes(rows[:, :k], similarities[:, :k], labels, n_classes)
            right[i] += (votes.argmax(axis=1) == truth).sum()
    return [float(hits / len(known)) for hits in right]


def _check(train: Vectors, labels: Ints, queries: Vectors, n_classes: int) -> None:
    if train.ndim != 2 or queries.ndim != 2 or train.shape[1] != queries.shape[1]:
        raise ValueError(f"vectors must be (N, D) and (M, D), got {train.shape} and {queries.shape}")
    if labels.shape != (len(train),) or len(train) < 2:
        raise ValueError(f"got {len(train)} vectors and {labels.shape} labels; at least two are needed")
    if labels.min() < 0 or labels.max() >= n_classes:
        raise ValueError(f"labels must lie in [0, {n_classes}), got {labels.min()} to {labels.max()}")
