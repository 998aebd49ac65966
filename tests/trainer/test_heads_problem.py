"""What heads are fitted to is checked once, at the door."""

import dataclasses

import numpy as np
import pytest

from tests.trainer.heads_world import lacking, problem
from trainer.engine.heads.linear import Linear
from trainer.engine.heads.problem import check_asked

GOOD = problem()
HOLE = GOOD.vectors.copy()
HOLE[GOOD.orders[0, 0], 2] = np.nan
TWICE = np.tile(GOOD.orders[0, :1], (2, 200))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vectors": GOOD.vectors[0]}, r"vectors must be \(N, D\)"),
        ({"labels": GOOD.labels[:-1]}, r"labels \(N,\)"),
        ({"vectors": HOLE}, "vectors must be finite"),
        ({"sizes": ()}, "at least two rows"),
        ({"sizes": (1, 40)}, "at least two rows"),
        ({"sizes": (40, 12)}, "sizes must ascend"),
        ({"sizes": (12, 12)}, "sizes must ascend"),
        ({"sizes": (12, 201)}, "an order has only 200 rows"),
        ({"orders": GOOD.orders + 200}, r"row numbers must lie in \[0, 300\)"),
        ({"orders": TWICE}, "each row at most once"),
        ({"n_classes": 2}, r"labels must lie in \[0, 2\), got 0 to 2"),
        ({"labels": np.minimum(GOOD.labels, 0)}, "holds one class only"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(GOOD, **change)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [(np.zeros((2, 5)), r"must be \(M, 6\)"), (np.full((1, 6), np.inf), "must be finite")],
)
def test_asked_vectors_must_fit_too(vectors, message):
    with pytest.raises(ValueError, match=message):
        check_asked(vectors, 6)


def test_rows_that_no_order_names_may_be_anything():
    vectors, labels = GOOD.vectors.copy(), GOOD.labels.copy()
    vectors[250], labels[250] = np.nan, -1
    assert dataclasses.replace(GOOD, vectors=vectors, labels=labels).shape == (2, 3)


def test_it_knows_which_classes_a_subset_lacks():
    lacks = lacking().lacks()
    assert lacks.tolist() == [[[False, False, True, False]] * 2 + [[False] * 4]] * 2


def test_a_subset_of_all_rows_is_the_same_in_every_order():
    whole = dataclasses.replace(GOOD, sizes=(12, 200))
    assert whole.copies().tolist() == [[False, False], [False, True]]
    assert not GOOD.copies().any()


def test_linear_heads_are_products():
    rng = np.random.default_rng(0)
    heads = Linear(rng.normal(size=(2, 3, 6, 4)), rng.normal(size=(2, 3, 4)))
    asked = rng.normal(size=(5, 6))
    expected = np.einsum("md,rsdk->rsmk", asked, heads.weight) + heads.bias[:, :, None]
    assert heads.logits(asked) == pytest.approx(expected)
