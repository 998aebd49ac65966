"""The two curves that heads are measured on, by ours and by the peer: 8 nested sizes in 5 orders."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import learning_curve
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from trainer.engine.heads.problem import Problem

REPEATS, SIZES, CLASSES = 5, 8, 10
SMALLEST = 40  # labels
SIDE, KERNELS, CELLS = 16, 32, 4  # 32 kernels in 4 x 4 cells: 512 features
NOISE = 0.1  # of pixels in [0, 1]

Doubles = NDArray[np.float64]
Vectors = NDArray[np.float32] | NDArray[np.float64]


class World(NamedTuple):
    """A problem with its test rows, as the product draws them: one frozen quarter tests every head.

    The largest subset is all the rest, in each order.
    """

    problem: Problem
    tests: NDArray[np.int64]  # (M,)

    def accuracies(self, logits: NDArray[np.floating]) -> Doubles:
        """Return (R, S) of logits (R, S, M, K)."""
        return np.asarray((logits.argmax(3) == self.problem.labels[self.tests]).mean(2))

    def of_peer(self, estimator: object, kind: type = np.float64) -> Doubles:
        """Return the test accuracies (R, S) of scikit-learn's curve on the same subsets.

        It predicts for its training rows as well, a hundredth of its time or less.
        """
        problem = self.problem
        splits = [(order, self.tests) for order in problem.orders]
        vectors: Vectors = problem.vectors.astype(kind)
        sizes = list(problem.sizes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it is measured as it comes
            _, _, scores = learning_curve(estimator, vectors, problem.labels, train_sizes=sizes, cv=splits)
        return np.asarray(scores).T


@contextmanager
def one_thread() -> Iterator[None]:
    """Both sides compute with one thread meanwhile."""
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield


def digits() -> World:
    """scikit-learn's 1,797 digits: 64 pixels in [0, 1], 40 to 1,348 labels."""
    held = load_digits()
    return _world((held.data / 16).astype(np.float32), held.target.astype(np.int64))


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
    offsets = 0.2 * torch.randn(KERNELS, generator=generator)
    seen = nn.functional.conv2d(pictures, kernels, offsets, padding=2).relu()
    features = nn.functional.adaptive_avg_pool2d(seen, CELLS).flatten(1)
    features = (features - features.mean(0)) / features.std(0).clamp(min=1e-6)
    return _world(features.numpy(), held.target[chosen.numpy()].astype(np.int64))


def _moved(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Return (N, 1, 16, 16) of pictures (N, 8, 8)."""
    n = len(pictures)
    turn, stretch = (torch.rand(2, n, generator=generator) - 0.5) * 0.8
    shrink = 1.1 + 0.75 * stretch
    shift = (torch.rand(n, 2, generator=generator) - 0.5) * 0.5
    across = torch.stack([shrink * turn.cos(), -shrink * turn.sin(), shift[:, 0]], 1)
    down = torch.stack([shrink * turn.sin(), shrink * turn.cos(), shift[:, 1]], 1)
    grid = nn.functional.affine_grid(torch.stack([across, down], 1), [n, 1, SIDE, SIDE], align_corners=False)
    moved = nn.functional.grid_sample(pictures[:, None], grid, align_corners=False)
    light = 0.4 + 0.6 * torch.rand(n, 1, 1, 1, generator=generator)
    return moved * light + NOISE * torch.randn(moved.shape, generator=generator)


def _world(vectors: NDArray[np.float32], labels: NDArray[np.int64]) -> World:
    rng = np.random.default_rng(0)
    tests, pool = np.split(rng.permutation(len(labels)), [len(labels) // 4])
    orders = np.stack([rng.permutation(pool) for _ in range(REPEATS)])
    sizes = np.geomspace(SMALLEST, len(pool), SIZES).round().astype(int).tolist()
    return World(Problem(vectors, labels, orders, tuple(sizes), CLASSES), tests)
