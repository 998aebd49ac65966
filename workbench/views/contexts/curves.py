"""What the pages and the JSON API show of learning curves; the figures are those of workbench.charts."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime

from labeling.models import Dataset
from trainer.curves import design
from trainer.curves.design import PRESETS, Preset
from trainer.models import Curve
from trainer.services.outlooks import outlook_of
from workbench import charts
from workbench.charts import Info, Option
from workbench.views.contexts import labels

DEFAULT_METRIC = "accuracy"


@dataclass(frozen=True)
class CurveRow:
    id: int
    sizes: tuple[int, ...]
    trainings: int
    planned: int
    n_test: int
    seed: int
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class CurveCard:
    """The newest curve on its dataset's page."""

    id: int
    sentence: str
    options: dict[str, Option]


@dataclass(frozen=True)
class CurvePage:
    row: CurveRow
    info: Info
    options: dict[str, Option]
    words: str  # for the metric
    metrics: tuple[tuple[str, str], ...]  # (name, words)
    fingerprint: str


def curve_row(curve: Curve) -> CurveRow:
    return CurveRow(
        id=curve.pk,
        sizes=tuple(curve.sizes),
        trainings=curve.cells.count(),
        planned=curve.planned,
        n_test=curve.n_test,
        seed=curve.seed,
        created_at=curve.created_at,
        finished_at=curve.finished_at,
    )


def curve_rows(dataset: Dataset) -> tuple[CurveRow, ...]:
    return tuple(curve_row(curve) for curve in dataset.curves.real())


def curve_info(curve: Curve, metric: str) -> Info:
    return charts.curve_info(outlook_of(curve, metric))


def options(info: Info) -> dict[str, Option]:
    """Return the chart's option in both themes: the page changes between them without asking again."""
    return {"light": charts.curve_option(info), "dark": charts.curve_option(info, dark=True)}


def latest_card(dataset: Dataset) -> CurveCard | None:
    curve = dataset.curves.real().exclude(cells=None).first()
    if curve is None:
        return None
    info = curve_info(curve, DEFAULT_METRIC)
    return CurveCard(curve.pk, info["summary"], options(info))


def curve_page(curve: Curve, metric: str) -> CurvePage:
    info = curve_info(curve, metric)
    metrics = tuple(charts.METRICS.items())
    words = charts.METRICS[metric]
    return CurvePage(curve_row(curve), info, options(info), words, metrics, curve.fingerprint)


def curve_csv(info: Info) -> str:
    """Return measured and forecast rows as CSV, fractions in full precision."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(["kind", "labels", "seed", info["metric"], "low", "high"])
    for point in info["points"]:
        table.writerow(["measured", point["n"], point["seed"], point["value"], point["low"], point["high"]])
    for step in info["forecast"]:
        table.writerow(["forecast", step["n"], "", step["median"], step["low"], step["high"]])
    return out.getvalue()


@dataclass(frozen=True)
class PresetRow:
    """A way to spend trainings on a curve, with what it would mean for this dataset today."""

    name: str
    sizes: tuple[tuple[int, int], ...]  # (labels, trainings with so many)
    refused: str  # why it cannot be done, "" where it can

    @property
    def trainings(self) -> int:
        return sum(times for _, times in self.sizes)


def presets(dataset: Dataset) -> tuple[PresetRow, ...]:
    labeled = labels.class_table(dataset).train
    return tuple(_preset(name, preset, labeled, len(dataset.classes)) for name, preset in PRESETS.items())


def _preset(name: str, preset: Preset, labeled: int, classes: int) -> PresetRow:
    try:
        found = design.sizes(labeled, classes, preset)
    except ValueError as reason:
        return PresetRow(name, (), f"{reason}.".capitalize())
    return PresetRow(name, tuple(zip(found, preset.repeats[-len(found) :], strict=True)), "")
