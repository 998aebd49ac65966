"""How many of each class a training shall see; planned here, shown, and only then drawn.

Light: numpy only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class PlanRow(NamedTuple):
    """One class: training samples that it has, draws per epoch, and how many of those are repeats."""

    label: str
    have: int
    train: int
    extra: int


@dataclass(frozen=True)
class Plan:
    """Proportions before and after; `strength` says how far the gap to the largest class is closed."""

    strength: float
    rows: tuple[PlanRow, ...]

    @property
    def imbalance_before(self) -> float:
        return imbalance(np.array([row.have for row in self.rows]))

    @property
    def imbalance_after(self) -> float:
        return imbalance(np.array([row.train for row in self.rows]))

    def to_json(self) -> list[dict[str, str | int]]:
        return [
            {"class": row.label, "have": row.have, "train": row.train, "extra": row.extra}
            for row in self.rows
        ]


def plan(classes: Sequence[str], labels: Ints, strength: float) -> Plan:
    """Return the plan for training labels (N,), class numbers; count the training fold only."""
    have = np.bincount(labels, minlength=len(classes))
    train = target_counts(have, strength)
    rows = zip(classes, have.tolist(), train.tolist(), strict=True)
    return Plan(strength, tuple(PlanRow(name, h, t, t - h) for name, h, t in rows))


def target_counts(counts: Ints, strength: float) -> Ints:
    """Return (K,) draws per epoch: 0 leaves the counts as they are, 1 lifts every class to the largest.

    Between them the gap to the largest class is closed by that share, rounded up.  A class without a single
    sample stays at 0: there is nothing to draw.  Raises ValueError unless strength lies in [0, 1].
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must lie in [0, 1], got {strength}")
    gap = np.where(counts > 0, counts.max() - counts, 0)
    return np.asarray(counts + np.ceil(strength * gap), dtype=np.int64)


def imbalance(counts: Ints) -> float:
    """Return largest / smallest class, at least 1; classes without samples are left out (1 if all are)."""
    present = counts[counts > 0]
    return float(present.max() / present.min()) if len(present) else 1.0
