"""Recall of every class against its own labels, the worst first."""

from __future__ import annotations

from dataclasses import dataclass

from trainer.models import Curve
from trainer.services import outlooks
from workbench.charts import multiples
from workbench.charts.frame import Info, Option
from workbench.views.contexts import curves
from workbench.views.contexts.curves import CurveRow
from workbench.views.contexts.figures import Interval


@dataclass(frozen=True)
class ClassCurveRow:
    name: str
    n_test: int
    labels: int
    recall: Interval | None  # with most labels
    n_double: int | None  # labels of it
    double: Interval | None  # the forecast for so many: its median and 90 % band
    refused: str


@dataclass(frozen=True)
class ClassesPage:
    row: CurveRow
    rows: tuple[ClassCurveRow, ...]
    drawn: int
    summary: str
    options: dict[str, Option]


def classes_info(curve: Curve) -> Info:
    return multiples.classes_info(outlooks.class_outlooks(curve))


def classes_page(curve: Curve) -> ClassesPage:
    info = classes_info(curve)
    light = multiples.classes_option(info)
    return ClassesPage(
        row=curves.curve_row(curve),
        rows=tuple(_row(one) for one in info["classes"]),
        drawn=len(light["grid"]),
        summary=info["summary"],
        options={"light": light, "dark": multiples.classes_option(info, dark=True)},
    )


def _row(one: Info) -> ClassCurveRow:
    last = one["sizes"][-1] if one["sizes"] else None
    near = [step for step in one["forecast"] if step["n"] >= 2 * one["labels"]][:1]
    return ClassCurveRow(
        name=one["label"],
        n_test=one["n_test"],
        labels=one["labels"],
        recall=Interval(last["mean"], last["low"], last["high"]) if last else None,
        n_double=near[0]["n"] if near else None,
        double=Interval(near[0]["median"], near[0]["low"], near[0]["high"]) if near else None,
        refused=one["refused"],
    )
