"""Small problems for heads: clouds around one center a class, in several orders."""

import numpy as np

from trainer.engine.heads.problem import Problem

RNG = np.random.default_rng


def clouds(n=300, d=6, k=3, apart=1.0, seed=0):
    """Return float32 vectors (n, d) and labels (n,), classes in turn."""
    rng = RNG(seed)
    labels = np.arange(n) % k
    centers = apart * rng.normal(size=(k, d))
    return (centers[labels] + rng.normal(size=(n, d))).astype(np.float32), labels


def problem(repeats=2, sizes=(12, 40, 120), pool=200, **world):
    """Return a problem on the first `pool` rows of clouds; the others may test."""
    vectors, labels = clouds(**world)
    orders = np.stack([RNG([1, repeat]).permutation(pool) for repeat in range(repeats)])
    return Problem(vectors, labels, orders, sizes, int(labels.max()) + 1)


def lacking(**world):
    """Return a problem in which class 2 of 4 comes last: only the largest of three subsets has it."""
    whole = problem(k=4, sizes=(12, 40, 180), **world)
    orders = [
        np.concatenate([order[whole.labels[order] != 2], order[whole.labels[order] == 2]])
        for order in whole.orders
    ]
    return Problem(whole.vectors, whole.labels, np.stack(orders), whole.sizes, whole.n_classes)


def subsets(whole):
    """Return [(repeat, size, rows)] of all subsets."""
    return [
        (repeat, size, order[:n])
        for repeat, order in enumerate(whole.orders)
        for size, n in enumerate(whole.sizes)
    ]


WORLDS = {
    "plain": problem(),
    "two classes": problem(k=2),
    "more features than rows": problem(d=50, apart=0.3),
    "the largest is the whole pool": problem(d=40, sizes=(12, 40, 200), k=5),
    "a class is lacking": lacking(),
}
