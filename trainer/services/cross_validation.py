"""Out-of-fold predictions of a finished run: its recipe on parts of its data, each row scored unseen."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction

from labeling import snapshot as snapshots
from labeling.services import choice, opinions
from labeling.snapshot import Snapshot
from trainer.engine import calibration, comparison, folds, metrics
from trainer.engine.calibration import Fit
from trainer.engine.folds import Folds, NoFolds
from trainer.engine.intervals import Ints
from trainer.engine.metrics import Report
from trainer.engine.predictions import TestPredictions
from trainer.models import Run
from trainer.services import runs

SUFFIX = ":oof"  # of the source of predictions that no model made of a sample it had seen


def open_folds(run: Run) -> Folds:
    """Keep the data that the run was trained on, to be cut into folds; labels given later do not move it.

    Raises NoFolds where the run is not done, its labels have changed since, or they carry no folds.
    """
    if run.state != Run.State.DONE:
        raise NoFolds(f"{run} is {run.state}; only a finished run has out-of-fold predictions.")
    path = _folder(run) / "snapshot.npz"
    if not path.exists():
        frozen = choice.freeze(run.dataset)
        if frozen.fingerprint != run.fingerprint:
            raise NoFolds(f"The labels have changed since {run} was trained. Train the recipe again first.")
        folds.cut(frozen, _rng(run))
        snapshots.save(frozen, path)
    return cut(run)[1]


def cut(run: Run) -> tuple[Snapshot, Folds]:
    """Return the kept data and its folds: the same ones each time."""
    snapshot = snapshots.load(_folder(run) / "snapshot.npz")
    return snapshot, folds.cut(snapshot, _rng(run))


def known(run: Run, fold: int) -> TestPredictions | None:
    """Return what an earlier attempt found for the fold."""
    path = _path(run, fold)
    return TestPredictions.load(path) if path.exists() else None


def keep(run: Run, fold: int, scored: TestPredictions) -> None:
    """Write a fold's predictions, whole or not at all."""
    path = _path(run, fold)
    draft = path.with_suffix(".draft.npz")
    scored.save(draft)
    draft.replace(path)


def record(
    run: Run,
    snapshot: Snapshot,
    cut_into: Folds,
    parts: Sequence[TestPredictions],
    receipt: Mapping[str, object],
    now: datetime,
) -> dict[str, object] | None:
    """Write the figures on the run and hand the predictions down; None if that was done before.

    parts holds the predictions of each fold, in order.
    """
    probs = np.empty((len(cut_into.rows), len(snapshot.classes)), np.float32)
    for fold, part in enumerate(parts):
        probs[cut_into.fold == fold] = part.probs
    labels = snapshot.labels[cut_into.rows]
    counts = np.bincount(labels, minlength=len(snapshot.classes)).astype(np.int64)
    fit = calibration.fit(probs, labels, counts, _rng(run))
    figures = {
        "folds": cut_into.count,
        "note": cut_into.note,
        **_plain(metrics.evaluate(probs, labels, _rng(run)), metrics.SCORES + metrics.LOSSES),
        "n": len(labels),
        "temperature": fit.temperature,
        "tau": fit.tau,
        "cross_fitted": {
            "nll": fit.nll._asdict(),
            "balanced_accuracy": _gain(fit.balanced_accuracy),
        },
        "test": _on_test(run, fit, counts),
        "receipt": dict(receipt),
    }
    with transaction.atomic():
        won = Run.objects.filter(pk=run.pk, out_of_fold={}).update(out_of_fold=figures)
        if won:
            opinions.record_predictions(
                run.dataset,
                snapshot.ids[cut_into.rows],
                probs,
                source=f"run:{run.pk}{SUFFIX}",
                model_version=f"run-{run.pk}-oof",
                now=now,
            )
    return figures if won else None


def _on_test(run: Run, fit: Fit, counts: Ints) -> dict[str, object]:
    """Measure both corrections on the run's test items, which took no part in choosing them."""
    tested = TestPredictions.load(Path(settings.STATE_DIR, run.folder, runs.PREDICTIONS))
    scaled = calibration.scale(tested.probs, fit.temperature)
    adjusted = calibration.adjust(tested.probs, counts, fit.tau)
    gains = comparison.compare(tested.probs, adjusted, tested.labels, _rng(run))
    return {
        "scaled": _plain(metrics.evaluate(scaled, tested.labels, _rng(run)), metrics.LOSSES),
        "adjusted": _plain(metrics.evaluate(adjusted, tested.labels, _rng(run)), metrics.SCORES),
        "nll_gain": comparison.compare_losses(tested.probs, scaled, tested.labels, _rng(run))[
            "nll"
        ]._asdict(),
        "gains": {found.metric: _gain(found) for found in gains},
    }


def _plain(report: Report, names: Sequence[str]) -> dict[str, object]:
    return {name: getattr(report, name)._asdict() for name in names}


def _gain(found: comparison.Difference) -> dict[str, float]:
    return {"value": found.gain, "low": found.low, "high": found.high}


def _rng(run: Run) -> np.random.Generator:
    return np.random.default_rng(run.seed)


def _folder(run: Run) -> Path:
    return Path(settings.STATE_DIR, "runs", str(run.pk), "folds")


def _path(run: Run, fold: int) -> Path:
    return _folder(run) / f"{fold}.npz"
