"""What the pages and the JSON API show of data multipliers: how many labels a trick is worth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from labeling.models import Dataset
from trainer.models import Multiplier
from trainer.services import multipliers
from workbench.views.contexts import curve_look


@dataclass(frozen=True)
class MultiplierRow:
    base_id: int
    base: str
    other_id: int
    other: str
    metric: str
    value: float | None  # how many labels of the base one label of the other is worth
    low: float | None  # 90 % band
    high: float | None
    p_more: float | None  # probability that it is worth more than one
    pure: bool  # one factor describes the difference at every size
    shown: bool  # the band leaves 1 out
    sentence: str
    refused: str
    created_at: datetime


def multiplier_rows(dataset: Dataset, metric: str) -> tuple[MultiplierRow, ...]:
    """Return the dataset's multipliers, newest first."""
    return tuple(_row(row) for row in multipliers.rows(dataset, metric))


def _row(row: Multiplier) -> MultiplierRow:
    found = row.found
    low, high = found.get("low"), found.get("high")
    return MultiplierRow(
        base_id=row.base_id,
        base=curve_look.words(row.base),
        other_id=row.other_id,
        other=curve_look.words(row.other),
        metric=row.metric,
        value=found.get("value"),
        low=low,
        high=high,
        p_more=found.get("p_more"),
        pure=bool(found.get("pure", True)),
        shown=low is not None and high is not None and not low <= 1 <= high,
        sentence=found.get("sentence", ""),
        refused=found.get("refused", ""),
        created_at=row.created_at,
    )
