"""What the pages and the JSON API show of learning curves; the figures are those of workbench.charts."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from datetime import datetime

from labeling.models import Dataset
from trainer.curves.outlook import REACH
from trainer.models import Curve
from trainer.services import outlooks
from workbench.charts import axis as axes
from workbench.charts import curve as curve_charts
from workbench.charts import drawing
from workbench.charts.frame import METRICS, Info, Option
from workbench.views.contexts import curve_look
from workbench.views.contexts.curve_look import AxisChoice, Look, OtherCurve

DEFAULT_METRIC = "accuracy"
USUAL = Look()


@dataclass(frozen=True)
class CurveRow:
    id: int
    words: str  # the recipe, or the head and what it stands on
    tier: str
    of: int | None  # of heads: the curve whose subsets they share
    sizes: tuple[int, ...]
    trainings: int
    planned: int
    n_test: int
    error: str  # why its heads could not be measured
    random_only: bool  # labels that a model asked for were left out
    continues: int | None  # the curve whose order it goes on with
    n_chosen: int  # training labels that a model asked for
    budget: int  # of an adaptive plan; 0 is a fixed one
    aim: int  # labels at which an adaptive plan narrows the band
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
    look: Look
    metrics: tuple[tuple[str, str], ...]  # (name, words)
    axes: tuple[AxisChoice, ...]
    scales: tuple[tuple[str, str], ...]
    groups: tuple[tuple[str, str], ...]
    others: tuple[OtherCurve, ...]
    told: str  # the address's part with what is drawn, other curves by number
    fingerprint: str
    snippet: str
    far: int  # labels beyond which nothing is said


def curve_row(curve: Curve, trainings: int | None = None) -> CurveRow:
    return CurveRow(
        id=curve.pk,
        words=curve_look.words(curve),
        tier=curve.tier,
        of=curve.of_id,
        sizes=tuple(curve.sizes),
        trainings=curve.cells.count() if trainings is None else trainings,
        planned=curve.planned,
        n_test=curve.n_test,
        n_chosen=curve.n_chosen,
        error=curve.error if curve.finished_at is None else "",
        random_only=curve.random_only,
        continues=curve.continues_id,
        budget=curve.budget,
        aim=curve.aim,
        seed=curve.seed,
        created_at=curve.created_at,
        finished_at=curve.finished_at,
    )


def curve_rows(dataset: Dataset) -> tuple[CurveRow, ...]:
    counts = outlooks.counts(dataset)
    return tuple(curve_row(curve, counts.get(curve.pk, 0)) for curve in dataset.curves.all())


def newest(dataset: Dataset) -> CurveRow | None:
    """Return the newest curve of whole trainings."""
    curve = dataset.curves.real().first()
    return curve_row(curve) if curve else None


def curve_info(curve: Curve, look: Look = USUAL) -> Info:
    """Return what charts say of a curve, and by how much past forecasts made its band wider."""
    trainings = outlooks.trainings(curve)
    info = curve_charts.curve_info(
        outlooks.outlook_of(curve, look.metric, look.label),
        curve_look.view_of(curve, look, trainings),
        keys=curve_look.keys_of(trainings),
        label=look.label,
    )
    kept = curve.forecasts.filter(metric=info["metric"], label=look.label).first()
    return info | {"widened": kept.widened if kept else 1.0}


def options(info: Info) -> dict[str, Option]:
    """Return the chart's option in both themes: the page changes between them without asking again."""
    return {"light": drawing.curve_option(info), "dark": drawing.curve_option(info, dark=True)}


def latest_card(dataset: Dataset) -> CurveCard | None:
    """Return the newest curve of whole trainings; heads on fixed features are shown on its own page."""
    curve = dataset.curves.real().exclude(cells=None).first()
    if curve is None:
        return None
    info = curve_charts.curve_info(outlooks.outlook_of(curve))  # plain: a card has no room for more
    return CurveCard(curve.pk, info["summary"], options(info))


def curve_page(curve: Curve, look: Look = USUAL) -> CurvePage:
    info = curve_info(curve, look)
    drawn = replace(look, others=tuple(trace["id"] for trace in info["overlays"]))
    return CurvePage(
        row=curve_row(curve),
        info=info,
        options=options(info),
        look=look,
        metrics=tuple(METRICS.items()),
        axes=curve_look.axis_choices(curve_look.axes_of(curve.dataset, outlooks.trainings(curve))),
        scales=tuple(axes.SCALES.items()),
        groups=tuple(curve_look.GROUPS.items()),
        others=curve_look.others(curve, look),
        told=drawn.query,
        fingerprint=curve.fingerprint,
        snippet=_snippet(curve, info),
        far=REACH * info["labels"],
    )


def curve_csv(info: Info, name: str = "") -> str:
    """Return measured and forecast rows as CSV, fractions in full precision; other curves come last."""
    out = io.StringIO()
    table = csv.writer(out)
    axis = info["axis"]
    beside = [] if axis["name"] == "labels" else [axis["words"]]
    table.writerow(["kind", "labels", "seed", info["metric"], "low", "high", "curve", *beside])
    traces = [(name, info), *((trace["name"], trace) for trace in info["overlays"])]
    for curve, trace in traces:
        for row in trace["points"]:
            cells = (row["n"], row["seed"], row["value"], row["low"], row["high"], curve)
            table.writerow(["measured", *cells, *([row["x"]] if beside else [])])
        for row in trace["forecast"]:
            cells = (row["n"], "", row["median"], row["low"], row["high"], curve)
            table.writerow(["forecast", *cells, *([row["x"]] if beside else [])])
    return out.getvalue()


SNIPPET = """# In a checkout of Seedbed; no Django, no server.  Save the page's CSV beside the notebook first.
import csv
from collections import defaultdict
from trainer.curves import forecast

errors = defaultdict(list)  # labels -> error of each training
with open("curve-{pk}.csv", newline="") as file:
    for row in csv.DictReader(file):
        if row["kind"] == "measured" and row["curve"] == {name!r}:
            errors[int(row["labels"])].append(1 - float(row["{metric}"]))

ahead = forecast.forecast(list(errors), list(errors.values()), chance_error={chance}, n_test={n_test}{widen})
print(ahead.refused, *ahead.flags, sep="\\n")
for step in ahead.steps:
    print(f"{{step.n:>8}} labels: {{step.median:.1%}} (90 % band: {{step.low:.1%}} to {{step.high:.1%}})")
"""


def _snippet(curve: Curve, info: Info) -> str:
    """Return Python that fits the page's own numbers again; "" before there is a forecast to compare with."""
    kept = curve.forecasts.filter(metric=info["metric"], label="").first()
    if kept is None or info["label"]:  # classes lean on each other: one alone cannot be fitted again
        return ""
    return SNIPPET.format(
        pk=curve.pk,
        name=curve_look.words(curve),
        metric=info["metric"],
        chance=1 - kept.chance,
        n_test=info["n_test"],
        widen=f", widen={kept.widened}" if kept.widened != 1 else "",
    )
