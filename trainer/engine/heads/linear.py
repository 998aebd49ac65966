"""What linear heads look like, whatever found them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.engine.heads.problem import Floats, check_asked


@dataclass(frozen=True, eq=False)
class Linear:
    """R x S heads: logits = vectors @ weight + bias."""

    weight: Floats  # (R, S, D, K)
    bias: Floats  # (R, S, K)

    def logits(self, vectors: Floats) -> NDArray[np.floating]:
        """Return (R, S, M, K) of asked vectors (M, D); raises ValueError where these are not finite."""
        repeats, sizes, width, classes = self.weight.shape
        check_asked(vectors, width)
        side_by_side = np.moveaxis(self.weight, 2, 0).reshape(width, -1)  # one product for all heads
        found = np.matmul(vectors.astype(self.weight.dtype, copy=False), side_by_side)
        by_head = np.moveaxis(found.reshape(len(vectors), repeats, sizes, classes), 0, 2)
        return np.asarray(by_head + self.bias[:, :, None])
