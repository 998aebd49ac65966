"""Opens pretrainings, keeps what they learned, and finds the one that a recipe starts from."""

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db.models import F
from numpy.typing import NDArray

from labeling.models import Dataset
from labeling.snapshot import Snapshot
from trainer.engine.pretraining import LEAST_PICTURES, Plan
from trainer.engine.recipe import Recipe
from trainer.models import Pretraining, Run

OPEN = [Pretraining.State.WAITING, Pretraining.State.RUNNING]
FEATURES, CHECKPOINT, PICTURES = "features.safetensors", "checkpoint.pt", "pictures.txt"
MODEL = "model.safetensors"  # in a run's folder; trainer.engine.artifacts writes it


class NoFeatures(Exception):
    """There is nothing to learn features from, or none were learned that fit; the message says so."""


@dataclass(frozen=True)
class Learned:
    """What a finished pretraining hands to its row."""

    history: list[dict[str, float]]
    receipt: Mapping[str, object]


def open_pretraining(dataset: Dataset, plan: Plan, seed: int, now: datetime) -> Pretraining:
    """Return a waiting pretraining; its pictures are chosen when it begins."""
    return Pretraining.objects.create(
        dataset=dataset,
        plan=plan.to_json(),
        network=plan.network,
        width=plan.width,
        resolution=plan.resolution,
        seed=seed,
        created_at=now,
    )


def begin(pretraining_id: int, now: datetime) -> Pretraining | None:
    """Start the next attempt; None if the pretraining is gone or done."""
    changed = (
        Pretraining.objects.filter(pk=pretraining_id)
        .exclude(state=Pretraining.State.DONE)
        .update(
            state=Pretraining.State.RUNNING,
            attempt=F("attempt") + 1,
            started_at=now,
            finished_at=None,
            error="",
        )
    )
    return Pretraining.objects.select_related("dataset").get(pk=pretraining_id) if changed else None


def choose_pictures(row: Pretraining, snapshot: Snapshot) -> NDArray[np.int64]:
    """Return the rows to learn from, all but the test split, and write down which pictures they are.

    An earlier attempt's pictures stay the choice as long as none of them is gone or tests now: its checkpoint
    is of them.  Raises NoFeatures where there are too few.
    """
    path = folder(row) / PICTURES
    outside = np.flatnonzero(~snapshot.is_test)
    keys = [snapshot.keys[i] for i in outside]
    before = path.read_text().split() if path.exists() else []
    if before and set(before) <= set(keys):
        wanted = set(before)
        outside = np.array([i for i in outside if snapshot.keys[i] in wanted], dtype=np.int64)
        keys = [snapshot.keys[i] for i in outside]
    if len(keys) < LEAST_PICTURES:
        raise NoFeatures(
            f"Features need at least {LEAST_PICTURES} pictures outside the test split; {row.dataset} has"
            f" {len(keys)}."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(keys))
    row.n, row.fingerprint = len(keys), fingerprint(keys)
    row.save(update_fields=["n", "fingerprint"])
    return outside


def record(row: Pretraining, learned: Learned, now: datetime) -> bool:
    """Close the pretraining as done; False if this attempt no longer counts."""
    won = Pretraining.objects.filter(pk=row.pk, state=Pretraining.State.RUNNING, attempt=row.attempt).update(
        state=Pretraining.State.DONE,
        history=learned.history,
        receipt={**learned.receipt, "command": rerun_command(row)},
        path=f"pretrainings/{row.pk}/{FEATURES}",
        finished_at=now,
    )
    if won:
        (folder(row) / CHECKPOINT).unlink(missing_ok=True)
    return bool(won)


def abandon(pretraining_id: int, state: str, error: str, now: datetime) -> None:
    """Close an open pretraining without a result; one that has ended stays as it ended."""
    Pretraining.objects.filter(pk=pretraining_id, state__in=OPEN).update(
        state=state, error=error, finished_at=now
    )


def weights_for(dataset: Dataset, recipe: Recipe, snapshot: Snapshot) -> Path | None:
    """Return the file that a recipe with self-supervised weights starts from; None for every other recipe.

    The newest of this dataset with the same network, width and resolution counts, unless it learned from a
    picture that tests now.  Raises NoFeatures where there is none.
    """
    if recipe.weights != "self-supervised":
        return None
    done = dataset.pretrainings.filter(
        state=Pretraining.State.DONE,
        network=recipe.network,
        width=recipe.width,
        resolution=recipe.resolution,
    )
    tests = {snapshot.keys[row] for row in np.flatnonzero(snapshot.is_test)}
    fair = [row for row in done if not tests & set((folder(row) / PICTURES).read_text().split())]
    if fair:
        return Path(settings.STATE_DIR, fair[0].path)
    if done:
        raise NoFeatures(
            f"The features learned for {_wanted(recipe)} saw pictures that test now: they would flatter the"
            " result. Learn features again."
        )
    raise NoFeatures(
        f"No features were learned on {dataset} for {_wanted(recipe)}. Learn them first, on the page Features"
        " or by manage.py pretrain."
    )


def folder(row: Pretraining) -> Path:
    return Path(settings.STATE_DIR, "pretrainings", str(row.pk))


def fingerprint(keys: Sequence[str]) -> str:
    """Return the SHA-256 of a set of pictures, whatever their order."""
    return hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()


def rerun_command(row: Pretraining) -> str:
    """Return the command that learns again by the same plan and seed, on the pictures as they then stand."""
    plan = Plan.from_json(row.plan)
    words = ["python3", "manage.py", "pretrain", row.dataset.name, "--network", plan.network]
    for name in ("width", "resolution", "epochs", "batch"):
        words += [f"--{name}", str(getattr(plan, name))]
    return shlex.join([*words, "--seed", str(row.seed)])


def embedding_sources(dataset: Dataset) -> tuple[str, ...]:
    """Return what can embed the dataset's pictures today, the best guess first."""
    done = dataset.pretrainings.filter(state=Pretraining.State.DONE).values_list("pk", flat=True)
    return (*(f"pretraining:{pk}" for pk in done), "pixels")


def source_file(dataset: Dataset, source: str) -> Path | None:
    """Return the weights file of a source of the dataset, "pretraining:3" or "run:42"; None for the others.

    Raises NoFeatures where the dataset has no finished one of this number.
    """
    kind, _, number = source.partition(":")
    if kind not in ("pretraining", "run"):
        return None
    pk = int(number) if number.isdigit() else 0
    if kind == "run":
        run = dataset.runs.filter(state=Run.State.DONE, pk=pk).first()
        found = Path(run.folder, MODEL) if run else None
    else:
        row = dataset.pretrainings.filter(state=Pretraining.State.DONE, pk=pk).first()
        found = Path(row.path) if row else None
    if found is None:
        raise NoFeatures(f"{dataset} has no finished {kind} {number}.")
    return Path(settings.STATE_DIR, found)


def _wanted(recipe: Recipe) -> str:
    return f"{recipe.network}, width {recipe.width}, {recipe.resolution} pixels"
