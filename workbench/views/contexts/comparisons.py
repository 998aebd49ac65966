"""What the pages and the JSON API show of kept comparisons: one row a pair of runs and a metric."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from labeling.models import Dataset
from trainer.models import Comparison
from trainer.services import comparisons
from workbench.views.contexts.figures import METRICS

LEVEL = 0.05  # what a p-value has to fall below


@dataclass(frozen=True)
class ComparisonRow:
    base_id: int
    base: str
    other_id: int
    other: str
    metric: str
    n: int
    gain: float
    low: float
    high: float
    p_value: float | None
    p_holm: float | None  # as it counts among all that was compared with this base
    family: int  # how many that are
    fixed: int
    broken: int

    @property
    def shown(self) -> bool:
        """True if the interval leaves zero out and, where there is a test, it agrees.

        Four items fixed and none broken have a bootstrap interval above zero, and p = 0.125.
        """
        agreed = self.p_value is None or self.p_value < LEVEL
        return agreed and (self.low > 0 or self.high < 0)


def comparison_rows(chosen: Q) -> tuple[ComparisonRow, ...]:
    """The chosen comparisons, the newest pair first, accuracy first in each."""
    rows = list(
        Comparison.objects.filter(chosen).select_related("base", "other").order_by("-other", "-base", "pk")
    )
    together = comparisons.together(row.base_id for row in rows)
    return tuple(_row(row, *together.get((row.base_id, row.other_id), (None, 1))) for row in rows)


def _row(row: Comparison, p_holm: float | None, family: int) -> ComparisonRow:
    return ComparisonRow(
        row.base_id,
        row.base.name,
        row.other_id,
        row.other.name,
        METRICS.get(row.metric, row.metric),
        row.n,
        row.gain,
        row.low,
        row.high,
        row.p_value,
        None if row.p_value is None else p_holm,
        family,
        row.fixed,
        row.broken,
    )


def latest_comparison(dataset: Dataset) -> tuple[ComparisonRow, ...]:
    """The newest pair of compared runs of a dataset, one row a metric."""
    newest = Comparison.objects.filter(base__dataset=dataset).order_by("-pk").first()
    if newest is None:
        return ()
    return comparison_rows(Q(base=newest.base_id, other=newest.other_id))
