"""What the pages and the JSON API show of data multipliers: how many labels a trick is worth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from labeling.models import Dataset
from trainer.models import Multiplier
from trainer.services import multipliers
from workbench.views.contexts import curve_look

SHOWN = ("pure", "beyond")  # verdicts of one multiplier that is not 1
MEASURED = 2  # of the sizes at which a changing one is told; the others are foreseen


@dataclass(frozen=True)
class Worth:
    """How many labels one label is worth, with its 90 % band."""

    value: float
    low: float
    high: float

    @property
    def differs(self) -> bool:
        return not self.low <= 1 <= self.high


@dataclass(frozen=True)
class MultiplierRow:
    base_id: int
    base: str
    other_id: int
    other: str
    metric: str
    verdict: str  # of trainer.curves.multiplier.Verdict
    sentence: str
    worth: Worth | None  # under one multiplier for all sizes; None where it was refused
    p_more: float | None  # probability that it is above 1
    sizes: tuple[Worth, ...]  # where one multiplier was rejected: at the smallest and largest size, and later
    shown: bool  # it differs from 1: all along, or at a measured size
    created_at: datetime


def multiplier_rows(dataset: Dataset, metric: str) -> tuple[MultiplierRow, ...]:
    """Return the dataset's multipliers, newest first."""
    return tuple(_row(row) for row in multipliers.rows(dataset, metric))


def _row(row: Multiplier) -> MultiplierRow:
    found = row.found
    sizes = tuple(Worth(**band) for band in found["sizes"])
    return MultiplierRow(
        base_id=row.base_id,
        base=curve_look.words(row.base),
        other_id=row.other_id,
        other=curve_look.words(row.other),
        metric=row.metric,
        verdict=found["verdict"],
        sentence=found["sentence"],
        worth=Worth(found["value"], found["low"], found["high"]) if "value" in found else None,
        p_more=found["p_more"],
        sizes=sizes,
        shown=any(one.differs for one in sizes[:MEASURED]) if sizes else found["verdict"] in SHOWN,
        created_at=row.created_at,
    )
