"""Early stopping on validation items, and whether there are enough of them to stop on.

Light: numpy only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.engine.intervals import wilson

TOO_WIDE = 0.05  # half width of the accuracy's 95 % interval from which a stop is a matter of luck


class Score(NamedTuple):
    """What the model is worth on the validation items; `better` compares accuracy first, then loss."""

    step: int
    accuracy: float
    loss: float

    def better(self, other: Score | None) -> bool:
        return other is None or (self.accuracy, -self.loss) > (other.accuracy, -other.loss)


class Patience:
    """Says when to stop: after so many steps without a better score."""

    def __init__(self, patience: float, steps: int) -> None:
        self._wait = max(1, round(patience * steps))
        self.best: Score | None = None

    def look(self, score: Score) -> bool:
        """Take in a score; True if it is the best one so far."""
        if not score.better(self.best):
            return False
        self.best = score
        return True

    def is_over(self, step: int) -> bool:
        return self.best is not None and step - self.best.step >= self._wait


def split(
    labels: NDArray[np.int64], groups: Sequence[str], share: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return row numbers (train, validation) of N labeled rows: stratified, whole duplicate groups.

    Each class gives round(share * its rows), as far as whole groups allow, and keeps one row at least to
    learn from.  Raises ValueError unless 0 <= share < 1.
    """
    if not 0 <= share < 1:
        raise ValueError(f"share must lie in [0, 1), got {share}")
    members: dict[str, list[int]] = {}
    for row in rng.permutation(len(labels)):
        members.setdefault(groups[row], []).append(int(row))
    room = {c: min(round(share * n), n - 1) for c, n in enumerate(np.bincount(labels).tolist()) if n}
    held: list[int] = []
    for rows in members.values():
        counts = Counter(labels[rows].tolist())  # near-equal pictures may bear different labels
        if all(room[c] >= count for c, count in counts.items()):
            held += rows
            room = {c: left - counts[c] for c, left in room.items()}
    validation = np.sort(np.array(held, dtype=np.int64))
    return np.setdiff1d(np.arange(len(labels)), validation), validation


def warning(accuracy: float, n: int) -> str:
    """Return a sentence where n validation items are too few to stop on, else ""."""
    found = wilson(round(accuracy * n), n)
    half = (found.high - found.low) / 2
    if half <= TOO_WIDE:
        return ""
    return (
        f"Early stopping looked at {n} pictures only: their accuracy of {found.value:.1%} is known within"
        f" ±{100 * half:.1f} points, so the step it chose is partly luck. Hold out more, or train the whole"
        " budget."
    )
