"""Opens curves, says which trainings they take, and keeps the finished ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction

from labeling import snapshot as snapshots
from labeling.models import Dataset, LabelTask
from labeling.services import choice
from labeling.snapshot import Snapshot
from trainer.curves import design
from trainer.curves.design import Cell
from trainer.engine.recipe import Recipe
from trainer.models import Curve, CurveCell
from trainer.services import pretraining

ADAPTIVE = "adaptive"  # one training a size, then each next one where it narrows the band most
MOST_TRAININGS = 60  # of an adaptive curve
PRESETS = (*design.PRESETS, ADAPTIVE)
HEADS = (Curve.Tier.RIDGE, Curve.Tier.LOGISTIC, Curve.Tier.MLP)


class NoCurve(Exception):
    """The data do not carry a curve; the message says why, for a person."""


@dataclass(frozen=True)
class Design:
    """How a curve spends its trainings: a preset of trainer.curves.design, or "adaptive".

    An adaptive one takes `budget` trainings in all, to narrow the band at `aim` labels (0: twice today's).
    """

    preset: str = "standard"
    budget: int = 0
    aim: int = 0

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ValueError(f"preset must be one of {', '.join(PRESETS)}, got {self.preset!r}")
        if self.preset == ADAPTIVE and not 5 <= self.budget <= MOST_TRAININGS:
            raise ValueError(f"an adaptive curve takes 5 to {MOST_TRAININGS} trainings, got {self.budget}")
        if self.aim < 0:
            raise ValueError(f"aim must not be negative, got {self.aim}")

    @property
    def plan(self) -> design.Preset:
        """The trainings that are sure from the start."""
        return (
            replace(design.PRESETS["standard"], repeats=(1,) * 5)
            if self.preset == ADAPTIVE
            else design.PRESETS[self.preset]
        )


def open_curve(
    dataset: Dataset, recipe: Recipe, wanted: Design, seed: int, now: datetime, *, name: str = "plain"
) -> Curve:
    """Plan a curve of the dataset as it stands now, and keep that data: labels given later do not move it.

    Raises NoCurve where there are too few labels to train or to measure, and NoFeatures where the recipe
    starts from features that nobody has learned.
    """
    snapshot = choice.freeze(dataset)
    sizes = _sizes(dataset, snapshot, wanted.plan)
    weights = pretraining.weights_for(dataset, recipe, snapshot)
    with transaction.atomic():
        curve = Curve.objects.create(
            dataset=dataset,
            name=name,
            recipe=recipe.to_json(),
            weights=str(weights.relative_to(settings.STATE_DIR)) if weights else "",
            fingerprint=snapshot.fingerprint,
            test_set=design.held_out_key(*_named(snapshot, snapshot.test_rows)),
            sizes=list(sizes),
            repeats=list(wanted.plan.repeats[-len(sizes) :]),
            budget=wanted.budget if wanted.preset == ADAPTIVE else 0,
            aim=(wanted.aim or 2 * sizes[-1]) if wanted.preset == ADAPTIVE else 0,
            n_test=len(snapshot.test_rows),
            n_chosen=_chosen(dataset, snapshot),
            seed=seed,
            created_at=now,
        )
        snapshots.save(snapshot, _snapshot_path(curve))
    return curve


def open_tiers(curve: Curve, tiers: Sequence[str], source: str, now: datetime) -> list[Curve]:
    """Open curves of heads on the embeddings of `source`, on the subsets and the test set of a real curve."""
    shared = ("dataset", "fingerprint", "test_set", "sizes", "repeats", "n_test", "n_chosen", "seed")
    return [
        Curve.objects.create(
            tier=tier,
            of=curve,
            name=source,
            recipe={"head": str(tier), "source": source},
            created_at=now,
            **{field: getattr(curve, field) for field in shared},
        )
        for tier in tiers
    ]


def set_embedding(curve: Curve, fingerprint: str, snapshot: Snapshot) -> None:
    """Write down which vectors the heads of a curve stand on: other ones make other cells.

    All pictures of the snapshot, unlabeled ones too, decide how the vectors are scaled.
    """
    pictures = pretraining.fingerprint(snapshot.keys)
    curve.recipe = curve.recipe | {"embedding": fingerprint, "pictures": pictures}
    curve.save(update_fields=["recipe"])


def _sizes(dataset: Dataset, snapshot: Snapshot, plan: design.Preset) -> tuple[int, ...]:
    if len(np.unique(snapshot.labels[snapshot.test_rows])) < 2:
        raise NoCurve(f"{dataset} needs labeled test items of two classes: nothing else can be measured.")
    labels = snapshot.labels[snapshot.train_rows]
    try:
        sizes = design.sizes(len(labels), len(snapshot.classes), plan)
    except ValueError as reason:
        raise NoCurve(f"{dataset} is too small: {reason}.") from reason
    # every subset holds each class in proportion within one, so the smallest decides
    second = np.sort(np.bincount(labels, minlength=2))[-2]
    if second * sizes[0] < len(labels):
        raise NoCurve(
            f"Nearly all labels of {dataset} are of one class: {sizes[0]} of them would hold no other."
        )
    return sizes


def _chosen(dataset: Dataset, snapshot: Snapshot) -> int:
    """Return how many training labels a model asked for: those are no random sample of the pictures."""
    asked = LabelTask.objects.filter(round__dataset=dataset, audit=False, round__prediction_set__isnull=False)
    return len(
        set(asked.values_list("sample_id", flat=True)) & set(snapshot.ids[snapshot.train_rows].tolist())
    )


def frozen(curve: Curve) -> Snapshot:
    """Return the data that the curve was opened on."""
    return snapshots.load(_snapshot_path(curve))


def _snapshot_path(curve: Curve) -> Path:
    return Path(settings.STATE_DIR, "curves", str(curve.of_id or curve.pk), "snapshot.npz")


def plan(curve: Curve, snapshot: Snapshot) -> dict[str, Cell]:
    """Return all trainings of the curve by their keys, in the order of training.

    The rows of a cell are row numbers of the snapshot.
    """
    pool, held_out = snapshot.train_rows, snapshot.test_rows
    tests = design.held_out_key(*_named(snapshot, held_out))
    keys, _ = _named(snapshot, pool)
    drawn = design.cells(keys, snapshot.labels[pool], curve.sizes, curve.repeats, seed=curve.seed)
    placed = [Cell(cell.n, cell.repeat, cell.seed, pool[cell.rows]) for cell in drawn]
    trained = {**curve.recipe, "from": curve.weights, "of": snapshot.classes}
    return {design.cell_key(tests, *_named(snapshot, cell.rows), trained, cell.seed): cell for cell in placed}


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


def latest(dataset: Dataset) -> Curve | None:
    """Return the newest finished curve of whole trainings."""
    return dataset.curves.real().finished().first()
