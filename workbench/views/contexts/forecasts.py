"""What the pages and the JSON API show of past forecasts: what was said, and what it became."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from labeling.models import Dataset
from trainer.curves import recalibration
from trainer.models import Forecast
from trainer.services import forecasts
from trainer.services.forecasts import Record, Scored
from workbench.charts import promises
from workbench.charts.frame import METRICS, RECALL, WORDS, Info, Option
from workbench.charts.promises import Miss

MOST = 200  # rows of the page, the newest ones


@dataclass(frozen=True)
class ScoredRow:
    """What was said of so many labels, and what it became; fractions, the band is of 90 %."""

    said_at: datetime
    scored_at: datetime
    curve_id: int
    truth_id: int
    curve_name: str
    metric: str
    label: str  # a class: its recall against its labels
    n: int
    median: float
    low: float
    high: float
    last_value: float
    became: float
    trainings: int
    n_test: int
    inside: bool


@dataclass(frozen=True)
class Waiting:
    """Forecasts that no measurement has met yet."""

    curves: int
    figures: int


@dataclass(frozen=True)
class LedgerPage:
    metric: str
    words: str
    metrics: tuple[tuple[str, str], ...]
    rows: tuple[ScoredRow, ...]
    more: int  # rows that are not shown
    record: Record | None
    recalibration: str  # what these scores do to the next band; "" of all figures together
    info: Info
    options: dict[str, Option]
    waiting: Waiting


def ledger(dataset: Dataset, metric: str = "") -> LedgerPage:
    """Return the scored forecasts in one metric, or in all of them."""
    rows = tuple(row for row in forecasts.scored(dataset) if metric in ("", row.metric))
    info = promises.misses_info([_miss(row) for row in reversed(rows)])
    return LedgerPage(
        metric=metric,
        words=WORDS.get(metric, "All figures"),
        metrics=(("", "All figures"), *METRICS.items(), (RECALL, "Recall per class")),
        rows=tuple(ScoredRow(**asdict(row), inside=row.inside) for row in rows[:MOST]),
        more=max(len(rows) - MOST, 0),
        record=forecasts.track_record(rows),
        recalibration=recalibration.of(forecasts.past(dataset, metric)).says if metric else "",
        info=info,
        options={"light": promises.misses_option(info), "dark": promises.misses_option(info, dark=True)},
        waiting=_waiting(dataset),
    )


def _miss(row: Scored) -> Miss:
    of = f"Recall of {row.label}" if row.label else WORDS[row.metric]
    misses = row.became - row.median, row.became - row.last_value
    return Miss(row.scored_at, *misses, f"{of}, {row.n} labels", row.inside)


def _waiting(dataset: Dataset) -> Waiting:
    told = Forecast.objects.filter(curve__dataset=dataset, scores=None, quantiles__isnull=False)
    curves = list(told.values_list("curve_id", flat=True))
    return Waiting(len(set(curves)), len(curves))
