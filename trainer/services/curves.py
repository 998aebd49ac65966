"""Opens curves, keeps their finished trainings and forecasts, and gives them back as an outlook."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

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

METRICS = ("accuracy", "balanced_accuracy")


class NoCurve(Exception):
    """The data do not carry a curve; the message says why, for a person."""


def open_curve(dataset: Dataset, recipe: Recipe, preset: str, seed: int, now: datetime) -> Curve:
    """Plan a curve of the dataset as it stands now, and keep that data: labels given later do not move it.

    Raises NoCurve where there are too few labels or no labeled test items.
    """
    snapshot = choice.freeze(dataset)
    plan = design.PRESETS[preset]
    if len(snapshot.test_rows) == 0:
        raise NoCurve(f"{dataset} has no labeled test items: nothing could be measured")
    try:
        sizes = design.sizes(len(snapshot.train_rows), len(snapshot.classes), plan)
    except ValueError as reason:
        raise NoCurve(f"{dataset} is too small: {reason}") from reason
    with transaction.atomic():
        curve = Curve.objects.create(
            dataset=dataset,
            recipe=recipe.to_json(),
            fingerprint=snapshot.fingerprint,
            sizes=list(sizes),
            repeats=list(plan.repeats[-len(sizes) :]),
            n_test=len(snapshot.test_rows),
            seed=seed,
            created_at=now,
        )
        snapshots.save(snapshot, _snapshot_path(curve))
    return curve


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


def record_forecast(
    curve: Curve, metric: str, forecast: outlook.Forecast, *, chance: float, now: datetime
) -> Forecast:
    """Keep a forecast as it is shown today, so that it can be scored when its labels have come."""
    return Forecast.objects.create(
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


def finish(curve: Curve, now: datetime) -> None:
    Curve.objects.filter(pk=curve.pk).update(finished_at=now)


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
