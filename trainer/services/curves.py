"""Opens curves, keeps their finished trainings and forecasts, and gives them back as an outlook."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction

from labeling import snapshot as snapshots
from labeling.models import Dataset
from labeling.services import choice
from labeling.snapshot import Snapshot
from trainer.curves import design, outlook
from trainer.curves.design import Cell
from trainer.curves.outlook import Outlook, Point
from trainer.engine.recipe import Recipe
from trainer.models import Curve, CurveCell, Forecast


class NoCurve(Exception):
    """The data do not carry a curve; the message says why, for a person."""


def open_curve(dataset: Dataset, recipe: Recipe, preset: str, seed: int, now: datetime) -> Curve:
    """Plan a curve of the dataset as it stands now, and keep that data: labels given later do not move it.

    Raises NoCurve where there are too few labels to train or to measure.
    """
    snapshot = choice.freeze(dataset)
    sizes = _sizes(dataset, snapshot, preset)
    with transaction.atomic():
        curve = Curve.objects.create(
            dataset=dataset,
            recipe=recipe.to_json(),
            fingerprint=snapshot.fingerprint,
            sizes=list(sizes),
            repeats=list(design.PRESETS[preset].repeats[-len(sizes) :]),
            n_test=len(snapshot.test_rows),
            seed=seed,
            created_at=now,
        )
        snapshots.save(snapshot, _snapshot_path(curve))
    return curve


def _sizes(dataset: Dataset, snapshot: Snapshot, preset: str) -> tuple[int, ...]:
    if len(np.unique(snapshot.labels[snapshot.test_rows])) < 2:
        raise NoCurve(f"{dataset} needs labeled test items of two classes: nothing else can be measured.")
    labels = snapshot.labels[snapshot.train_rows]
    try:
        sizes = design.sizes(len(labels), len(snapshot.classes), design.PRESETS[preset])
    except ValueError as reason:
        raise NoCurve(f"{dataset} is too small: {reason}.") from reason
    # every subset holds each class in proportion within one, so the smallest decides
    second = np.sort(np.bincount(labels, minlength=2))[-2]
    if second * sizes[0] < len(labels):
        raise NoCurve(
            f"Nearly all labels of {dataset} are of one class: {sizes[0]} of them would hold no other."
        )
    return sizes


def frozen(curve: Curve) -> Snapshot:
    """Return the data that the curve was opened on."""
    return snapshots.load(_snapshot_path(curve))


def _snapshot_path(curve: Curve) -> Path:
    return Path(settings.STATE_DIR, "curves", str(curve.pk), "snapshot.npz")


def plan(curve: Curve, snapshot: Snapshot) -> dict[str, Cell]:
    """Return all trainings of the curve by their keys, in the order of training.

    The rows of a cell are row numbers of the snapshot.
    """
    pool, held_out = snapshot.train_rows, snapshot.test_rows
    tests = design.held_out_key(*_named(snapshot, held_out))
    keys, _ = _named(snapshot, pool)
    drawn = design.cells(keys, snapshot.labels[pool], curve.sizes, curve.repeats, seed=curve.seed)
    placed = [Cell(cell.n, cell.repeat, cell.seed, pool[cell.rows]) for cell in drawn]
    return {
        design.cell_key(tests, *_named(snapshot, cell.rows), curve.recipe, cell.seed): cell for cell in placed
    }


def _named(snapshot: Snapshot, rows: design.Rows) -> tuple[list[str], list[str]]:
    """Return keys and class names of some rows: what stays the same when the dataset grows."""
    return [snapshot.keys[row] for row in rows], [snapshot.classes[snapshot.labels[row]] for row in rows]


def known_cells(curve: Curve, keys: list[str]) -> set[str]:
    """Make the trainings that are known already, also from other curves, part of it; return their keys."""
    known = CurveCell.objects.filter(key__in=keys)
    curve.cells.add(*known)
    return {cell.key for cell in known}


def record_cell(
    curve: Curve,
    key: str,
    cell: Cell,
    metrics: Mapping[str, object],
    receipt: Mapping[str, object],
    now: datetime,
) -> CurveCell:
    """Keep one finished training; another one of the same key, finished meanwhile, stands."""
    with transaction.atomic():
        row, _ = CurveCell.objects.get_or_create(
            key=key,
            defaults={
                "dataset": curve.dataset,
                "n": cell.n,
                "repeat": cell.repeat,
                "seed": cell.seed,
                "metrics": metrics,
                "receipt": receipt,
                "created_at": now,
            },
        )
        curve.cells.add(row)
    return row


def record_forecasts(
    curve: Curve, forecasts: Mapping[str, outlook.Forecast], chances: Mapping[str, float], now: datetime
) -> bool:
    """Close the curve with its forecasts by metric, as they are shown today, to be scored when labels come.

    False if the curve was closed before; then nothing is kept.
    """
    with transaction.atomic():
        won = Curve.objects.filter(pk=curve.pk, finished_at=None).update(finished_at=now)
        if won:
            rows = (_row(curve, metric, forecasts[metric], chances[metric], now) for metric in forecasts)
            Forecast.objects.bulk_create(rows)
    return bool(won)


def _row(curve: Curve, metric: str, forecast: outlook.Forecast, chance: float, now: datetime) -> Forecast:
    return Forecast(
        curve=curve,
        metric=metric,
        grid=[step._asdict() for step in forecast.steps],
        last_value=forecast.last_value,
        plateau=forecast.plateau,
        chance=chance,
        refused=forecast.refused,
        flags=list(forecast.flags),
        created_at=now,
    )


def chances(snapshot: Snapshot) -> dict[str, float]:
    """Return the score of guessing on the test items, by metric: it anchors a forecast."""
    _, counts = np.unique(snapshot.labels[snapshot.test_rows], return_counts=True)
    return {"accuracy": float(counts.max() / counts.sum()), "balanced_accuracy": 1 / len(counts)}


def outlook_of(curve: Curve, metric: str = "accuracy") -> Outlook:
    """Return everything that is shown of the curve in one metric, as far as its trainings are done."""
    points = tuple(
        Point(cell.n, cell.repeat, cell.seed, **cell.metrics[metric])
        for cell in curve.cells.order_by("n", "repeat")
    )
    row = curve.forecasts.filter(metric=metric).first()
    return Outlook(metric, curve.n_test, points, _forecast(row) if row else None)


def _forecast(row: Forecast) -> outlook.Forecast:
    return outlook.Forecast(
        outlook.read(row.grid), row.last_value, row.plateau, row.refused, tuple(row.flags)
    )
