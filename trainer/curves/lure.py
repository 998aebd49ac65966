"""What a test on actively picked items would have said of a random sample of them."""

from collections.abc import Sequence

import numpy as np

from trainer.curves.families import Floats


def weights(chances: Sequence[float], pool: int) -> Floats:
    """Return the weights (M,) of M items picked from `pool` one after the other, without putting back.

    chances[m] in (0, 1] is the probability with which the m-th pick fell on its item among those then left.
    The mean of weight * loss is an unbiased estimate of the mean loss over the pool; of picks at random all
    weights are 1.  Raises ValueError where a chance lies outside or more was picked than there is.
    Source: Farquhar et al. 2021, "On statistical bias in active learning: how and when to fix it", LURE.
    """
    drawn, taken = np.asarray(chances, float), len(chances)
    if not 0 < taken <= pool:
        raise ValueError(f"1 to {pool} items can be picked from {pool}, got {taken}")
    if not ((drawn > 0) & (drawn <= 1)).all():
        raise ValueError(f"chances must lie in (0, 1], got {drawn.tolist()}")
    if taken == pool:  # all of them: no pick says more than another
        return np.ones(taken)
    m = np.arange(1, taken + 1)
    return np.asarray(1 + (pool - taken) / (pool - m) * (1 / ((pool - m + 1) * drawn) - 1))
