"""How one person's opinions compare with what the others say of the same samples."""

import numpy as np
from numpy.typing import NDArray

from labeling.consensus import table
from labeling.consensus.table import NOTHING, Said


def among_others(said: Said, k: int) -> NDArray[np.int64]:
    """Return each person's confusion (A, K, K): what most of the others say down, what he says across.

    His own opinion has no part in what the others say.  Samples on which the others are tied, or where there
    is nobody else, do not count.
    """
    counts = table.counts(said, k)
    return np.stack([_confusion(said[:, a], counts, k) for a in range(said.shape[1])])


def _confusion(own: NDArray[np.int16], counts: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    rows = np.flatnonzero(own != NOTHING)
    labels = own[rows].astype(np.int64)
    others = counts[rows]
    others[np.arange(len(rows)), labels] -= 1
    most = others.max(axis=1, keepdims=True)
    clear = (most[:, 0] > 0) & ((others == most).sum(axis=1) == 1)
    cells = others[clear].argmax(axis=1) * k + labels[clear]
    return np.bincount(cells, minlength=k * k).reshape(k, k)
