"""The two curves that heads are measured on, for ours and for the peer: 8 nested sizes in 5 orders."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import learning_curve
from torch import Tensor, nn

from trainer.engine.heads.problem import Problem

REPEATS, SIZES, CLASSES = 5, 8, 10
SIDE, KERNELS, CELLS = 16, 32, 4  # 32 kernels in 4 x 4 cells: 512 features
NOISE = 0.1  # of pixels in [0, 1]

Vectors = NDArray[np.float32] | NDArray[np.float64]


class World(NamedTuple):
    """A problem with its test rows, as the product draws them: a quarter of all tests every model.

    The largest subset is the whole rest, in each order.
    """

    problem: Problem
    tests: NDArray[np.int64]  # (M,)

    def of_peer(self, estimator: object, vectors: Vectors) -> NDArray[np.float64]:
        """Return the test accuracies (R, S) of scikit-learn's curve on the same splits."""
        problem = self.problem
        splits = [(order, self.tests) for order in problem.orders]
        _, _, scores = learning_curve(
            estimator, vectors, problem.labels, train_sizes=list(problem.sizes), cv=splits
        )
        return np.asarray(scores).T


def digits() -> World:
    """scikit-learn's 1,797 digits: 64 pixels in [0, 1]; 1,348 at the largest size."""
    held = load_digits()
    return _world((held.data / 16).astype(np.float32), held.target.astype(np.int64), smallest=40)


def embeddings(count: int = 8000) -> World:
    """512 features of `count` pictures, standardized, as a network's are before a head sees them.

    The pictures are scikit-learn's digits, turned, scaled, moved, dimmed and with noise, 16 x 16 pixels; the
    features are means in 4 x 4 cells of 32 rectified random kernels of 5 x 5.
    """
    generator = torch.Generator().manual_seed(0)
    held = load_digits()
    chosen = torch.randint(len(held.target), (count,), generator=generator)
    pictures = _moved(torch.from_numpy(held.images).float()[chosen] / 16, generator)
    kernels = torch.randn(KERNELS, 1, 5, 5, generator=generator) / 5
    seen = nn.functional.conv2d(pictures, kernels, 0.2 * torch.randn(KERNELS, generator=generator), padding=2)
    features = nn.functional.adaptive_avg_pool2d(seen.relu(), CELLS).flatten(1)
    features = (features - features.mean(0)) / features.std(0).clamp(min=1e-6)
    return _world(features.numpy(), held.target[chosen.numpy()].astype(np.int64))


def _moved(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Return (N, 1, 16, 16) of pictures (N, 8, 8)."""
    n = len(pictures)
    turn, scale = (torch.rand(2, n, generator=generator) - 0.5) * 0.8
    scale = 1.1 + 0.75 * scale  # above 1 the digit shrinks
    shift = (torch.rand(n, 2, generator=generator) - 0.5) * 0.5
    top = torch.stack([scale * turn.cos(), -scale * turn.sin(), shift[:, 0]], 1)
    bottom = torch.stack([scale * turn.sin(), scale * turn.cos(), shift[:, 1]], 1)
    grid = nn.functional.affine_grid(torch.stack([top, bottom], 1), [n, 1, SIDE, SIDE], align_corners=False)
    moved = nn.functional.grid_sample(pictures[:, None], grid, align_corners=False)
    light = 0.4 + 0.6 * torch.rand(n, 1, 1, 1, generator=generator)
    return moved * light + NOISE * torch.randn(moved.shape, generator=generator)


def _world(vectors: NDArray[np.float32], labels: NDArray[np.int64], smallest: int | None = None) -> World:
    rng = np.random.default_rng(0)
    shuffled = rng.permutation(len(labels))
    tests, pool = np.split(shuffled, [len(labels) // 4])
    orders = np.stack([rng.permutation(pool) for _ in range(REPEATS)])
    sizes = [len(pool) >> halved for halved in reversed(range(SIZES))]
    if smallest is not None:
        sizes = np.geomspace(smallest, len(pool), SIZES).round().astype(int).tolist()
    return World(Problem(vectors, labels, orders, tuple(sizes), CLASSES), tests)
