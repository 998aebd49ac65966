"""Opens runs and keeps what came of them."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import F
from numpy.typing import NDArray

from augment import plans
from labeling.models import Dataset
from labeling.services import holdout, opinions
from labeling.snapshot import Snapshot
from trainer.engine import metrics, predictions
from trainer.engine.predictions import TestPredictions
from trainer.engine.recipe import Recipe
from trainer.models import Run
from trainer.services import registry

OPEN = [Run.State.WAITING, Run.State.RUNNING]
PREDICTIONS = predictions.FILE


class NotTrainable(Exception):
    """The data do not carry a training; the message says to a person what is missing."""


@dataclass(frozen=True, eq=False)
class Result:
    """What a finished training hands to its row."""

    report: metrics.Report
    tested: TestPredictions
    history: list[dict[str, float]]
    receipt: Mapping[str, object]
    ids: NDArray[np.int64]  # (M,) samples with predictions: test and unlabeled pool
    probs: NDArray[np.float32]  # (M, K)
    extras: Mapping[str, object] = field(default_factory=dict)  # see Run.extras


def open_run(dataset: Dataset, recipe: Recipe, seed: int, name: str, now: datetime) -> Run:
    """Return a waiting run; its data are frozen when it begins."""
    return Run.objects.create(dataset=dataset, recipe=recipe.to_json(), seed=seed, name=name, created_at=now)


def begin(run_id: int, now: datetime) -> Run | None:
    """Start the run's next attempt; None if the run is gone or done.

    A run that failed, was cancelled or died under its job begins again from nothing when its job comes back.
    """
    changed = (
        Run.objects.filter(pk=run_id)
        .exclude(state=Run.State.DONE)
        .update(
            state=Run.State.RUNNING,
            attempt=F("attempt") + 1,
            started_at=now,
            finished_at=None,
            error="",
        )
    )
    return Run.objects.select_related("dataset").get(pk=run_id) if changed else None


def record_plan(run: Run, snapshot: Snapshot) -> None:
    """Write on the row what the run will train on, before it does.

    `labels` holds {"train": {class: labels}, "test": {class: labels}, "origins": opinions.label_origins}.
    Raises NotTrainable where there is nothing to learn from or nothing to measure with.
    """
    _check(snapshot)
    strength = Recipe.from_json(run.recipe).rebalance
    labels = snapshot.labels[snapshot.train_rows]
    plan = None if strength is None else plans.plan(snapshot.classes, labels, strength)
    run.fingerprint = snapshot.fingerprint
    run.n_train, run.n_test = len(labels), len(snapshot.test_rows)
    run.plan = plan.to_json() if plan else None
    run.labels = {
        "train": _counts(snapshot, snapshot.train_rows),
        "test": _counts(snapshot, snapshot.test_rows),
        "origins": opinions.label_origins(run.dataset),
    }
    run.save(update_fields=["fingerprint", "n_train", "n_test", "plan", "labels"])


def record_run(run: Run, result: Result, now: datetime) -> bool:
    """Close the run as done, hand its predictions down, and make its weights a model version.

    False if this attempt no longer counts.  While the dataset has a current version, its predictions are the
    ones that are shown.  Raises BrokenModel, and changes nothing, where the weights do not lie whole on the
    disk.
    """
    with transaction.atomic():
        won = Run.objects.filter(pk=run.pk, state=Run.State.RUNNING, attempt=run.attempt).update(
            state=Run.State.DONE,
            test_fingerprint=result.tested.fingerprint,
            metrics=result.report.to_json(),
            history=result.history,
            receipt={**result.receipt, "command": rerun_command(run)},
            extras=result.extras,
            folder=folder(run),
            finished_at=now,
        )
        if won:
            opinions.record_predictions(
                run.dataset,
                result.ids,
                result.probs,
                source=f"run:{run.pk}",
                model_version=f"run-{run.pk}",
                now=now,
                shown=registry.current(run.dataset) is None,
            )
            run.refresh_from_db()
            if registry.has_weights(run):
                registry.register(run, now)
    return bool(won)


def abandon_run(run_id: int, state: str, error: str, now: datetime) -> None:
    """Close an open run without a result; one that has ended stays as it ended."""
    Run.objects.filter(pk=run_id, state__in=OPEN).update(state=state, error=error, finished_at=now)


def reopen(run_id: int) -> None:
    """Let a run that failed or was cancelled wait for its next attempt; any other stays as it is."""
    ended = Run.objects.filter(pk=run_id, state__in=[Run.State.FAILED, Run.State.CANCELLED])
    ended.update(state=Run.State.WAITING, error="", finished_at=None)


def best(dataset: Dataset) -> Run | None:
    """Return the most accurate run on the newest labels, or None; all of them share one test set."""
    done = dataset.runs.filter(state=Run.State.DONE)
    newest = done.first()
    if newest is None:
        return None
    peers = done.filter(fingerprint=newest.fingerprint)
    return max(peers, key=lambda run: float(run.metrics["accuracy"]["value"]))


def folder(run: Run) -> str:
    """Return where this attempt's files lie, below the state folder."""
    return f"runs/{run.pk}/{run.attempt}"


def checkpoint_file(run: Run) -> Path:
    """Return where the state of an unfinished training lies; all attempts share it."""
    return Path(settings.STATE_DIR, "runs", str(run.pk), "checkpoint.pt")


def rerun_command(run: Run) -> str:
    """Return the command that trains the same recipe with the same seed on the labels as they then stand."""
    recipe = Path(settings.STATE_DIR, folder(run), "recipe.json")
    words = ["python3", "manage.py", "train", run.dataset.name, "--recipe", str(recipe)]
    return shlex.join([*words, "--seed", str(run.seed)])


def _check(snapshot: Snapshot) -> None:
    if len(snapshot.test_rows) == 0:
        raise NotTrainable(
            "No test picture has a label yet, so nothing could be measured. Where none came with the import, "
            f"the first labels of randomly chosen pictures draw the test, {holdout.LEAST_LABELS} at least."
        )
    present = np.unique(snapshot.labels[snapshot.train_rows])
    if len(present) < 2:
        raise NotTrainable(
            f"Training needs labels of at least two classes; the training pool has {len(snapshot.train_rows)}"
            f" labels of {len(present)} {'class' if len(present) == 1 else 'classes'}."
        )


def _counts(snapshot: Snapshot, rows: NDArray[np.int64]) -> dict[str, int]:
    found = np.bincount(snapshot.labels[rows], minlength=len(snapshot.classes)).tolist()
    return dict(zip(snapshot.classes, found, strict=True))
