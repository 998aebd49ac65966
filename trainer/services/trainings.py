"""The trainings of a curve: which they are, which are known, and the finished ones kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from django.db import transaction

from labeling.snapshot import Snapshot
from trainer.curves import design
from trainer.curves.design import Cell
from trainer.models import Curve, CurveCell
from trainer.services.curves import frozen, named


def plan(curve: Curve, snapshot: Snapshot) -> dict[str, Cell]:
    """Return all trainings of the curve by their keys, in the order of training.

    The rows of a cell are row numbers of the snapshot.
    """
    pool, held_out = snapshot.train_rows, snapshot.test_rows
    tests = design.held_out_key(*named(snapshot, held_out))
    keys, _ = named(snapshot, pool)
    since = _since(curve, keys)
    drawn = design.cells(
        keys, snapshot.labels[pool], curve.sizes, curve.repeats, seed=curve.seed, since=since
    )
    placed = [Cell(cell.n, cell.repeat, cell.seed, pool[cell.rows]) for cell in drawn]
    trained = {**curve.recipe, "from": curve.weights, "of": snapshot.classes}
    return {design.cell_key(tests, *named(snapshot, cell.rows), trained, cell.seed): cell for cell in placed}


def _since(curve: Curve, keys: Sequence[str]) -> list[design.Rows]:
    """Return which places of the pool each earlier curve knew, the first one's first."""
    place, found = {key: number for number, key in enumerate(keys)}, []
    before = curve.continues
    while before is not None:
        known = frozen(before)
        found.append(np.array([place[known.keys[row]] for row in known.train_rows], dtype=np.int64))
        before = before.continues
    return found[::-1]


def known_cells(curve: Curve, keys: list[str]) -> set[str]:
    """Make the trainings that are known already, also from other curves, part of it; return their keys."""
    known = CurveCell.objects.filter(key__in=keys)
    curve.cells.add(*known)
    return {cell.key for cell in known}


def record_cell(
    curve: Curve,
    key: str,
    cell: Cell,
    snapshot: Snapshot,
    metrics: Mapping[str, object],
    receipt: Mapping[str, object],
    now: datetime,
) -> CurveCell:
    """Keep one finished training; another one of the same key, finished meanwhile, stands."""
    counts = np.bincount(snapshot.labels[cell.rows], minlength=len(snapshot.classes)).tolist()
    with transaction.atomic():
        row, _ = CurveCell.objects.get_or_create(
            key=key,
            defaults={
                "dataset": curve.dataset,
                "n": cell.n,
                "repeat": cell.repeat,
                "seed": cell.seed,
                "counts": dict(zip(snapshot.classes, counts, strict=True)),
                "metrics": metrics,
                "receipt": receipt,
                "created_at": now,
            },
        )
        curve.cells.add(row)
    return row


def extend(curve: Curve, size: int) -> None:
    """Add a training at one of the curve's sizes; of two workers that do so at once, one is heard."""
    longer = [times + (n == size) for n, times in zip(curve.sizes, curve.repeats, strict=True)]
    Curve.objects.filter(pk=curve.pk, repeats=curve.repeats).update(repeats=longer)
    curve.refresh_from_db(fields=["repeats"])
