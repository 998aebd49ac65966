"""Opens curves on the labels as they stand, goes on with earlier ones, and finds them again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction

from labeling import snapshot as snapshots
from labeling.models import Dataset, LabelTask
from labeling.services import choice
from labeling.snapshot import Snapshot, fingerprint
from trainer.curves import design
from trainer.engine.recipe import Recipe
from trainer.models import Curve
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
    random_only leaves out the labels that a model asked for: what is left is a random sample, and a curve of
    all labels beside it tells what the model's picks are worth.
    """

    preset: str = "standard"
    budget: int = 0
    aim: int = 0
    random_only: bool = False

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
    dataset: Dataset,
    recipe: Recipe,
    wanted: Design,
    seed: int,
    now: datetime,
    *,
    name: str = "plain",
    continues: Curve | None = None,
) -> Curve:
    """Plan a curve of the dataset as it stands now, and keep that data: labels given later do not move it.

    One that continues an earlier curve keeps its seed and order: what that one trained need not be trained
    again.  Raises NoCurve where there are too few labels to train or to measure, and NoFeatures where the
    recipe starts from features that nobody has learned.
    """
    snapshot, chosen = _data(dataset, wanted)
    sizes, repeats = _continued(continues, snapshot) if continues else _planned(dataset, snapshot, wanted)
    weights = pretraining.weights_for(dataset, recipe, snapshot)
    adaptive = wanted.preset == ADAPTIVE
    with transaction.atomic():
        curve = Curve.objects.create(
            dataset=dataset,
            name=name,
            recipe=recipe.to_json(),
            weights=str(weights.relative_to(settings.STATE_DIR)) if weights else "",
            fingerprint=snapshot.fingerprint,
            test_set=_test_set(snapshot),
            sizes=sizes,
            repeats=repeats,
            preset=wanted.preset,
            continues=continues,
            budget=wanted.budget if adaptive else 0,
            aim=(wanted.aim or 2 * sizes[-1]) if adaptive else 0,
            n_test=len(snapshot.test_rows),
            n_chosen=chosen,
            random_only=wanted.random_only,
            seed=continues.seed if continues else seed,
            created_at=now,
        )
        snapshots.save(snapshot, _snapshot_path(curve))
    return curve


def to_continue(dataset: Dataset, recipe: Recipe, wanted: Design) -> Curve | None:
    """Return the curve that a new one may continue: as it, with all of its labels and test items still there.

    None where there is none, and for an adaptive plan, whose trainings depend on what was seen.
    """
    if wanted.preset == ADAPTIVE:
        return None
    alike = dataset.curves.real().finished().filter(preset=wanted.preset, random_only=wanted.random_only)
    rows = (row for row in alike if row.recipe == recipe.to_json())
    found = next(rows, None)
    if found is None:
        return None
    snapshot, _ = _data(dataset, wanted)
    weights = pretraining.weights_for(dataset, recipe, snapshot)
    path = str(weights.relative_to(settings.STATE_DIR)) if weights else ""
    before = frozen(found)
    labels = dict(zip(*named(snapshot, snapshot.train_rows), strict=True))
    known = dict(zip(*named(before, before.train_rows), strict=True))
    same = (found.test_set, found.weights, before.classes) == (_test_set(snapshot), path, snapshot.classes)
    return found if same and known.items() <= labels.items() else None


def _data(dataset: Dataset, wanted: Design) -> tuple[Snapshot, int]:
    """Return the data of a curve, and how many of its training labels a model asked for.

    Those are no random sample of the pictures.
    """
    snapshot = choice.freeze(dataset)
    asked = LabelTask.objects.filter(round__dataset=dataset, audit=False, round__prediction_set__isnull=False)
    chosen = np.isin(snapshot.ids, list(asked.values_list("sample_id", flat=True))) & ~snapshot.is_test
    if not wanted.random_only:
        return snapshot, int((chosen & (snapshot.labels >= 0)).sum())
    labels = np.where(chosen, -1, snapshot.labels)
    named = fingerprint(snapshot.classes, snapshot.keys, labels, snapshot.is_test)
    return replace(snapshot, labels=labels, fingerprint=named), 0


def _planned(dataset: Dataset, snapshot: Snapshot, wanted: Design) -> tuple[list[int], list[int]]:
    sizes = _sizes(dataset, snapshot, wanted.plan)
    return list(sizes), list(wanted.plan.repeats[-len(sizes) :])


def _continued(before: Curve, snapshot: Snapshot) -> tuple[list[int], list[int]]:
    """Return the sizes and repeats of a curve that goes on: at its new sizes as often as at its largest."""
    sizes = design.longer(before.sizes, len(snapshot.train_rows))
    return list(sizes), [*before.repeats, *[before.repeats[-1]] * (len(sizes) - len(before.sizes))]


def _test_set(snapshot: Snapshot) -> str:
    return design.held_out_key(*named(snapshot, snapshot.test_rows))


def open_tiers(curve: Curve, tiers: Sequence[str], source: str, now: datetime) -> list[Curve]:
    """Open curves of heads on the embeddings of `source`, on the subsets and the test set of a real curve."""
    shared = (
        *("dataset", "fingerprint", "test_set", "sizes", "repeats", "n_test", "n_chosen", "seed"),
        *("preset", "random_only", "continues"),
    )
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


def abandon(curve: Curve, error: str) -> None:
    """Write down why the heads of a curve could not be measured; a later attempt may still succeed."""
    curve.error = error
    curve.save(update_fields=["error"])


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


def frozen(curve: Curve) -> Snapshot:
    """Return the data that the curve was opened on."""
    return snapshots.load(_snapshot_path(curve))


def _snapshot_path(curve: Curve) -> Path:
    return Path(settings.STATE_DIR, "curves", str(curve.of_id or curve.pk), "snapshot.npz")


def named(snapshot: Snapshot, rows: design.Rows) -> tuple[list[str], list[str]]:
    """Return keys and class names of some rows: what stays the same when the dataset grows."""
    return [snapshot.keys[row] for row in rows], [snapshot.classes[snapshot.labels[row]] for row in rows]


def latest(dataset: Dataset) -> Curve | None:
    """Return the newest finished curve of whole trainings."""
    return dataset.curves.real().finished().first()
