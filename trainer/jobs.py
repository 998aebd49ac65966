"""What the trainer does in the background.  Heavy modules are imported inside: nothing else pays for them."""

import functools
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
from django.conf import settings
from django.utils import timezone

from labeling.models import Dataset
from labeling.progress import Cancelled, Progress, Report
from labeling.services import choice, embeddings
from labeling.snapshot import Snapshot
from trainer.curves.design import Cell
from trainer.engine import material, receipt
from trainer.engine.material import Prepare
from trainer.engine.pretraining import Plan
from trainer.engine.recipe import Recipe
from trainer.models import Curve, Pretraining, Run
from trainer.services import curves, pretraining, runs
from trainer.services.pretraining import Learned
from trainer.services.runs import Result


def train(report: Report, *, run_id: int) -> dict[str, object] | None:
    """Train a run's recipe on the labels as they stand, test it, and hand its predictions down.

    None if the run is gone or done, or if a later attempt took it over.  What goes wrong stands on the run as
    a sentence.  A stopped run is left open: only its job knows whether it was cancelled or goes back to its
    queue; workbench.services.upkeep.settle_runs closes it.
    """
    run = runs.begin(run_id, timezone.now())
    if run is None:
        return None
    try:
        result = _train(run, _freeze(run, report), report)
    except Cancelled:
        raise
    except Exception as error:
        runs.abandon_run(run.pk, Run.State.FAILED, _sentence(error), timezone.now())
        raise
    if not runs.record_run(run, result, timezone.now()):
        return None
    return {"run": run.pk, "accuracy": result.report.accuracy.value, "n_test": result.report.n}


def _freeze(run: Run, report: Report) -> Snapshot:
    report(Progress("freezing the data", 0))
    snapshot = choice.freeze(run.dataset)
    runs.record_plan(run, snapshot)
    return snapshot


def _train(run: Run, snapshot: Snapshot, report: Report) -> Result:
    from trainer.engine import artifacts, device, experiment, loop, pixels

    meter = receipt.Meter()
    recipe = Recipe.from_json(run.recipe)
    chosen = device.pick(recipe.precision)
    decoded = pixels.load(snapshot.files, snapshot.keys, recipe.resolution, pixel_cache(), report=report)
    rows, prepare = snapshot.train_rows, preparation(recipe, run.seed, report)
    outcome = experiment.carry_out(
        snapshot, decoded, rows, recipe, seed=run.seed, device=chosen, prepare=prepare, report=report
    )
    on_pool = loop.predict(outcome.trained.model, decoded, chosen, rows=snapshot.pool_rows, report=report)
    artifacts.save(Path(settings.STATE_DIR, runs.folder(run)), recipe, outcome.trained, outcome.tested)
    asked = np.concatenate([snapshot.test_rows, snapshot.pool_rows])
    return Result(
        outcome.report,
        outcome.tested,
        [step._asdict() for step in outcome.trained.history],
        {**meter.read(), "steps": outcome.trained.steps, **made_by(recipe, chosen.describe())},
        snapshot.ids[asked],
        np.concatenate([outcome.tested.probs, on_pool]),
    )


def curve(report: Report, *, curve_id: int) -> dict[str, object] | None:
    """Train what a curve still lacks, keeping each training as soon as it is done, and forecast it.

    None if the curve is gone or finished.  Trainings known from elsewhere are not repeated, so a job that
    dies loses the one that it was at.
    """
    row = Curve.objects.select_related("dataset").filter(pk=curve_id, finished_at=None).first()
    if row is None:
        return None
    snapshot = curves.frozen(row)
    planned = curves.plan(row, snapshot)
    known = curves.known_cells(row, list(planned))
    missing = {key: cell for key, cell in planned.items() if key not in known}
    if missing:
        _train_cells(row, snapshot, missing, report)
    from trainer.curves import forecast

    chances = curves.chances(snapshot)
    found = {
        metric: forecast.of_points(curves.outlook_of(row, metric), chance)
        for metric, chance in chances.items()
    }
    curves.record_forecasts(row, found, chances, timezone.now())
    return {"curve": row.pk, "trained": len(missing), "known": len(known)}


def _train_cells(row: Curve, snapshot: Snapshot, missing: Mapping[str, Cell], report: Report) -> None:
    from trainer.engine import device, experiment, pixels

    recipe = Recipe.from_json(row.recipe)
    chosen = device.pick(recipe.precision)
    maker = made_by(recipe, chosen.describe())
    decoded = pixels.load(snapshot.files, snapshot.keys, recipe.resolution, pixel_cache(), report=report)
    for done, (key, cell) in enumerate(missing.items(), start=row.planned - len(missing)):
        meter = receipt.Meter()
        watch = _watch_cell(cell, done, row.planned, report)
        measured = experiment.carry_out(
            snapshot,
            decoded,
            cell.rows,
            recipe,
            seed=cell.seed,
            device=chosen,
            prepare=preparation(recipe, cell.seed, watch),
            report=watch,
        ).report
        made = {**meter.read(), "steps": recipe.steps(cell.n), **maker}
        curves.record_cell(row, key, cell, measured.to_json(), made, timezone.now())
        values = {"labels": float(cell.n), "accuracy": measured.accuracy.value}
        report(Progress("measured", done + 1, row.planned, values))


def _watch_cell(cell: Cell, done: int, planned: int, report: Report) -> Report:
    """Return a report for one cell that counts the cells of the whole curve."""

    def tell(progress: Progress) -> None:
        stage = f"{progress.stage}, {cell.n} labels, repeat {cell.repeat + 1}"
        report(Progress(stage, done, planned, {"labels": float(cell.n), **progress.values}))

    return tell


def pretrain(report: Report, *, pretraining_id: int) -> dict[str, object] | None:
    """Learn features from all pictures outside the test split, labeled or not.

    None if the pretraining is gone or done, or if a later attempt took it over.  An attempt goes on from the
    checkpoint of the one before.  What goes wrong stands on the row as a sentence.
    """
    row = pretraining.begin(pretraining_id, timezone.now())
    if row is None:
        return None
    try:
        learned = _pretrain(row, report)
    except Cancelled:
        raise
    except Exception as error:
        pretraining.abandon(row.pk, Pretraining.State.FAILED, _sentence(error), timezone.now())
        raise
    if not pretraining.record(row, learned, timezone.now()):
        return None
    return {"pretraining": row.pk, "pictures": row.n, "loss": learned.history[-1]["loss"]}


def _pretrain(row: Pretraining, report: Report) -> Learned:
    from trainer.engine import device, pixels, self_supervised

    meter = receipt.Meter()
    snapshot = choice.freeze(row.dataset)
    rows = pretraining.choose_pictures(row, snapshot)
    plan = Plan.from_json(row.plan)
    chosen = device.pick(plan.precision)
    decoded = pixels.load(snapshot.files, snapshot.keys, plan.resolution, pixel_cache(), report=report)
    place = pretraining.folder(row)
    learned = self_supervised.pretrain(
        decoded,
        rows,
        plan,
        seed=row.seed,
        device=chosen,
        checkpoint=place / pretraining.CHECKPOINT,
        report=report,
    )
    self_supervised.save(place / pretraining.FEATURES, learned, plan)
    maker = made_by(plan.recipe, chosen.describe())
    return Learned([asdict(epoch) for epoch in learned.history], {**meter.read(), **maker})


def embed(report: Report, *, dataset_id: int, source: str) -> dict[str, object] | None:
    """Give every picture of a dataset a vector by this source, and hand the table down.

    None if the dataset is gone.  Only pictures that the source has not seen yet are computed.
    """
    dataset = Dataset.objects.filter(pk=dataset_id).first()
    if dataset is None:
        return None
    from trainer.engine import device, features, pixels, sources

    snapshot = choice.freeze(dataset)
    origin = sources.find(source, pretraining.source_file(dataset, source))
    chosen = device.pick()
    decoded = pixels.load(snapshot.files, snapshot.keys, origin.resolution, pixel_cache(), report=report)
    store = Path(settings.STATE_DIR, "cache", "features", origin.fingerprint)
    vectors, new = features.cached(
        store, snapshot.keys, lambda rows: origin.embed(decoded, rows, chosen), report=report
    )
    made = embeddings.record_embeddings(
        dataset, snapshot.ids, vectors, source=source, fingerprint=origin.fingerprint, now=timezone.now()
    )
    return {"embeddings": made.pk, "dim": made.dim, "pictures": made.count, "new": new}


def preparation(recipe: Recipe, seed: int, report: Report) -> Prepare:
    """Return what makes material of training examples; only a recipe that changes data loads libraries."""
    if not recipe.enriches:
        return material.as_they_are
    from trainer.engine import enrichment

    return functools.partial(enrichment.enrich, recipe=recipe, seed=seed, report=report)


def pixel_cache() -> Path:
    return Path(settings.STATE_DIR, "cache", "pixels")


def made_by(recipe: Recipe, device: str) -> dict[str, object]:
    """Return the part of a receipt that says what trained: device, code, versions."""
    versions = receipt.versions(policy=recipe.policy is not None, rebalance=recipe.rebalance is not None)
    return {"device": device, "code": receipt.code_version(settings.BASE_DIR), **versions}


def _sentence(error: Exception) -> str:
    """Our own errors speak to people; a foreign one needs its kind to be understood."""
    ours = type(error).__module__.split(".")[0] in ("labeling", "augment", "trainer")
    return str(error) if ours else f"{type(error).__name__}: {error}"
