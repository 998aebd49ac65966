"""Cuts the labeled training rows into folds, so that each is scored by a model that never saw it.

Light: numpy only.  A fold is a snapshot of its own, in which its rows are the test split and the true test
split is left out: whatever guards a test split guards the fold.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeling.snapshot import Snapshot

MOST_FOLDS = 5
ROWS_A_FOLD = 4  # of each class: 20 labels carry five folds


class NoFolds(Exception):
    """The labels carry no cross-validation; the message says why, for a person."""


@dataclass(frozen=True, eq=False)
class Folds:
    """M labeled training rows, each in one of `count` folds."""

    rows: NDArray[np.int64]  # (M,) row numbers of the snapshot
    fold: NDArray[np.int64]  # (M,) in [0, count)
    count: int
    note: str  # why there are fewer than MOST_FOLDS, or a class that no model could learn; "" else


def cut(snapshot: Snapshot, rng: np.random.Generator) -> Folds:
    """Return the folds of the snapshot's labeled training rows, stratified by class.

    Near-equal pictures share a fold: a model that saw one has seen the other.  Five folds where every class
    has 20 pictures, near-equal ones counted once; else as many as give each class four a fold, at least two.
    Raises NoFolds where two folds would leave a model with fewer than two classes.
    """
    rows = snapshot.train_rows
    labels = snapshot.labels[rows]
    _, groups = np.unique(np.array([snapshot.groups[row] for row in rows], dtype=str), return_inverse=True)
    sizes = _group_counts(labels, groups, len(snapshot.classes))
    if np.count_nonzero(sizes >= 2) < 2:
        raise NoFolds("Out-of-fold predictions need two classes with two different labeled pictures each.")
    smallest = int(np.argmin(np.where(sizes > 0, sizes, np.iinfo(np.int64).max)))
    count = int(np.clip(sizes[smallest] // ROWS_A_FOLD, 2, MOST_FOLDS))
    note = _note(count, snapshot.classes[smallest], int(sizes[smallest]))
    return Folds(rows, _deal(labels, groups, count, rng), count, note)


def as_test(snapshot: Snapshot, folds: Folds, fold: int) -> Snapshot:
    """Return the snapshot in which this fold's rows, and no others, are the labeled test split."""
    is_test = np.zeros(len(snapshot.labels), np.bool_)
    is_test[folds.rows[folds.fold == fold]] = True
    labels = np.full_like(snapshot.labels, -1)
    labels[folds.rows] = snapshot.labels[folds.rows]
    return dataclasses.replace(snapshot, is_test=is_test, labels=labels)


def _group_counts(labels: NDArray[np.int64], groups: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
    """Return (K,): in how many groups each class occurs."""
    pairs = np.unique(np.stack([labels, groups]), axis=1)
    return np.bincount(pairs[0], minlength=n_classes).astype(np.int64)


def _note(count: int, name: str, size: int) -> str:
    if count == MOST_FOLDS:
        return ""
    what = "one labeled picture" if size == 1 else f"{size} different labeled pictures"
    unseen = " The model that judges it never saw its class." if size == 1 else ""
    return f"{count} folds instead of {MOST_FOLDS}: the class {name} has {what}.{unseen}"


def _deal(
    labels: NDArray[np.int64], groups: NDArray[np.int64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return (M,) folds: groups, large ones first and else at random, go where their class has fewest rows.

    A group belongs to the class that most of its members have.
    """
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
    fold: NDArray[np.int64] = np.empty(len(labels), np.int64)
    filled = np.zeros((int(labels.max()) + 1, count), np.int64)
    order = sorted(rng.permutation(len(members)).tolist(), key=lambda group: -len(members[group]))
    for group in order:
        of = np.bincount(labels[members[group]])
        label = int(of.argmax())
        chosen = int(np.lexsort((filled.sum(0), filled[label]))[0])
        fold[members[group]] = chosen
        filled[: len(of), chosen] += of
    return fold
