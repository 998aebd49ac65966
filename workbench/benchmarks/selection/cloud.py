"""The pictures that selections are measured on, and how a peer is told that ran for part of its picks."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from workbench.benchmarks.heads import curves
from workbench.benchmarks.registry import Side

ROWS, PICKS, CLASSES = 100_000, 1000, 10
REPEATS = 5


def vectors(rows: int) -> NDArray[np.float32]:
    """Return 512 standardized features (N, 512) of so many digits, each turned and scaled in its own way."""
    return curves.embeddings(rows).problem.vectors.astype(np.float32)


def opinions(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return a model's probabilities (N, 10): of a random linear head, sure of some rows only."""
    rng = np.random.default_rng(0)
    logits = 3 * x @ rng.normal(size=(x.shape[1], CLASSES)).astype(np.float32) / np.sqrt(x.shape[1])
    heights = np.exp(logits - logits.max(1, keepdims=True), dtype=np.float64)
    shares: NDArray[np.float64] = heights / heights.sum(1, keepdims=True)
    return shares


def extrapolated(side: Side, times: float) -> Side:
    """Return what the side would take for so many times the picks; every pick takes it as long."""
    wall, cpu = (tuple(times * one for one in each) for each in (side.wall_s, side.cpu_s))
    return replace(side, name=f"{side.name}, extrapolated x {times:g}", wall_s=wall, cpu_s=cpu)
