"""How background work speaks to whoever watches it."""

from collections.abc import Callable
from dataclasses import dataclass, field


class Cancelled(Exception):
    """Raised by a report when the work shall stop; work cleans up and lets it pass."""


@dataclass(frozen=True)
class Progress:
    """Where the work stands: `done` of `total` steps of `stage`; total None when it is not known."""

    stage: str
    done: int
    total: int | None = None
    values: dict[str, float] = field(default_factory=dict)  # live figures, e.g. {"loss": 0.41}


Report = Callable[[Progress], None]  # may raise Cancelled


def silent(progress: Progress) -> None:
    """A report for callers that do not watch."""
