"""One training of a curve: what it was, what it took and what it reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trainer.models import CurveCell
from workbench.views.contexts import curve_look
from workbench.views.contexts.figures import Figure, Interval, interval, losses, scores
from workbench.views.contexts.runs import RECEIPT, in_words


@dataclass(frozen=True)
class TrainedClass:
    name: str
    labels: int | None  # of it among the training's labels
    n: int  # test items
    recall: Interval | None


@dataclass(frozen=True)
class CurveLink:
    id: int
    words: str


@dataclass(frozen=True)
class TrainingPage:
    key: str
    n: int
    repeat: int
    seed: int
    n_test: int | None
    duration_s: float | None
    device: str
    steps: int | None
    metrics: tuple[tuple[str, Interval], ...]
    figures: tuple[tuple[str, Figure], ...]  # of the probabilities; down is good
    classes: tuple[TrainedClass, ...]  # the worst first
    receipt: tuple[tuple[str, Any], ...]
    curves: tuple[CurveLink, ...]  # that it is a point of


def training_page(cell: CurveCell) -> TrainingPage:
    receipt = dict(cell.receipt)
    curves = cell.curves.all()
    return TrainingPage(
        key=cell.key,
        n=cell.n,
        repeat=cell.repeat + 1,
        seed=cell.seed,
        n_test=cell.metrics.get("n") or next((curve.n_test for curve in curves), None),
        duration_s=receipt.get("duration_s"),
        device=str(receipt.get("device", "")),
        steps=receipt.get("steps"),
        metrics=scores(cell.metrics),
        figures=losses(cell.metrics),
        classes=_classes(cell),
        receipt=in_words(receipt, RECEIPT),
        curves=tuple(CurveLink(curve.pk, curve_look.words(curve)) for curve in curves),
    )


def _classes(cell: CurveCell) -> tuple[TrainedClass, ...]:
    rows = zip(cell.dataset.classes, cell.metrics.get("classes", ()), strict=False)
    found = [
        TrainedClass(name, cell.counts.get(name), row["n"], interval(row["recall"])) for name, row in rows
    ]
    return tuple(sorted(found, key=lambda one: one.recall.value if one.recall else 2.0))
