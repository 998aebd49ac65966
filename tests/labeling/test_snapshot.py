from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.snapshot import Snapshot, fingerprint

CLASSES = ("cat", "dog")
KEYS = ("a", "b", "c", "d")
LABELS = np.array([0, 1, -1, 1])
IS_TEST = np.array([False, True, False, False])


def replaced(array: np.ndarray, row: int, value: object) -> np.ndarray:
    copy = array.copy()
    copy[row] = value
    return copy


def test_rows_are_train_test_or_pool():
    frozen = Snapshot(
        classes=CLASSES,
        ids=np.arange(5),
        keys=(*KEYS, "e"),
        files=(Path("x"),) * 5,
        labels=np.append(LABELS, -1),
        is_test=np.append(IS_TEST, True),  # set aside: test, but unlabeled
        groups=(*KEYS, "e"),
        fingerprint="",
    )
    assert (frozen.train_rows.tolist(), frozen.test_rows.tolist(), frozen.pool_rows.tolist()) == (
        [0, 3],
        [1],
        [2],
    )


@given(st.permutations(range(4)))
def test_the_order_of_samples_does_not_show(order):
    rows = list(order)
    shuffled = fingerprint(CLASSES, [KEYS[r] for r in rows], LABELS[rows], IS_TEST[rows])
    assert shuffled == fingerprint(CLASSES, KEYS, LABELS, IS_TEST)


def test_an_unlabeled_pool_sample_does_not_show():
    assert fingerprint(
        CLASSES, [*KEYS, "e"], np.append(LABELS, -1), np.append(IS_TEST, False)
    ) == fingerprint(CLASSES, KEYS, LABELS, IS_TEST)


@pytest.mark.parametrize(
    "changed",
    [
        (("cat", "wolf"), KEYS, LABELS, IS_TEST),
        (("dog", "cat"), KEYS, LABELS, IS_TEST),
        (("cat", "dog", "fox"), KEYS, LABELS, IS_TEST),
        (CLASSES, ("a", "b", "c", "x"), LABELS, IS_TEST),
        (CLASSES, KEYS, replaced(LABELS, 0, 1), IS_TEST),
        (CLASSES, KEYS, replaced(LABELS, 0, -1), IS_TEST),
        (CLASSES, KEYS, replaced(LABELS, 2, 0), IS_TEST),
        (CLASSES, KEYS, LABELS, replaced(IS_TEST, 0, True)),
        (CLASSES, KEYS, LABELS, replaced(IS_TEST, 1, False)),
    ],
)
def test_a_changed_label_class_list_split_or_picture_shows(changed):
    assert fingerprint(*changed) != fingerprint(CLASSES, KEYS, LABELS, IS_TEST)
