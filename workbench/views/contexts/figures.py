"""How measured figures are handed to pages and API: a value with its interval, and its name in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

METRICS = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1"}
LOSSES = {
    "nll": "negative log-likelihood",
    "ece": "calibration error",
    "brier": "Brier score",
}


@dataclass(frozen=True)
class Interval:
    """A measured fraction with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def leaves_zero_out(self) -> bool:
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Figure:
    """A measured loss with its 95 % interval; runs of the first version have none."""

    value: float
    low: float | None = None
    high: float | None = None


def interval(value: dict[str, float] | None) -> Interval | None:
    return None if value is None else Interval(value["value"], value["low"], value["high"])


def figure(value: dict[str, float] | float) -> Figure:
    """Read a loss as it is kept: with its interval, or bare."""
    return Figure(**value) if isinstance(value, dict) else Figure(value)


def scores(measured: dict[str, Any]) -> tuple[tuple[str, Interval], ...]:
    """Return the scores of a report under their words; up is good."""
    found = ((words, interval(measured.get(name))) for name, words in METRICS.items())
    return tuple((words, score) for words, score in found if score is not None)


def losses(measured: dict[str, Any]) -> tuple[tuple[str, Figure], ...]:
    """Return the losses of a report under their words; down is good."""
    return tuple((words, figure(measured[name])) for name, words in LOSSES.items() if name in measured)
