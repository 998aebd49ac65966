"""Opens runs, keeps what came of them, and compares two on the same test items."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
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
from trainer.models import Comparison, Run
from trainer.services import registry

OPEN = [Run.State.WAITING, Run.State.RUNNING]
PREDICTIONS = predictions.FILE


class NotTrainable(Exception):
    """The data do not carry a training; the message says to a person what is missing."""


class NotComparable(Exception):
    """Two runs were not measured on the same items; the message says so to a person."""


@dataclass(frozen=True, eq=False)
class Result:
    """What a finished training hands to its row."""

    report: metrics.Report
    tested: TestPredictions
    history: list[dict[str, float]]
    receipt: Mapping[str, object]
    ids: NDArray[np.int64]  # (M,) samples with predictions: test and unlabeled pool
    probs: NDArray[np.float32]  # (M, K)


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


def best(dataset: Dataset) -> Run | None:
    """Return the most accurate run on the newest labels, or None; all of them share one test set."""
    done = dataset.runs.filter(state=Run.State.DONE)
    newest = done.first()
    if newest is None:
        return None
    peers = done.filter(fingerprint=newest.fingerprint)
    return max(peers, key=lambda run: float(run.metrics["accuracy"]["value"]))


def compare(base: Run, other: Run, seed: int, now: datetime) -> list[Comparison]:
    """Compare two finished runs item by item and keep it, one row a metric; a second time replaces the first.

    Raises NotComparable unless both are done and were measured on the same items with the same labels.
    """
    first, second = _tested(base), _tested(other)
    if first.fingerprint != second.fingerprint:
        raise NotComparable(f"{base} and {other} were not measured on the same test items and labels.")
    rng = np.random.default_rng(seed)
    found = metrics.compare(first.probs, second.probs, first.labels, rng)
    with transaction.atomic():
        return [_keep(base, other, difference, now) for difference in found]


def folder(run: Run) -> str:
    """Return where this attempt's files lie, below the state folder."""
    return f"runs/{run.pk}/{run.attempt}"


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


def _tested(run: Run) -> TestPredictions:
    if run.state != Run.State.DONE:
        raise NotComparable(f"{run} is {run.state}; only finished runs can be compared.")
    return TestPredictions.load(Path(settings.STATE_DIR, run.folder, PREDICTIONS))


def _keep(base: Run, other: Run, difference: metrics.Difference, now: datetime) -> Comparison:
    values = {**difference._asdict(), "created_at": now}
    metric = values.pop("metric")
    row, _ = Comparison.objects.update_or_create(base=base, other=other, metric=metric, defaults=values)
    return row
