"""What the trainer does in the background.  Heavy modules are imported inside: nothing else pays for them."""

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from django.conf import settings
from django.utils import timezone

from labeling.progress import Cancelled, Progress, Report
from labeling.services import choice
from labeling.snapshot import Snapshot
from trainer.curves.design import Cell
from trainer.engine import material, receipt
from trainer.engine.material import Prepare
from trainer.engine.model_files import BrokenModel
from trainer.engine.recipe import TIMM, Recipe
from trainer.models import Curve, ModelVersion, Promotion, Run
from trainer.services import curves, registry, runs
from trainer.services.registry import NotJudged, NotPromotable
from trainer.services.runs import Result

CHECKED = 64  # real pictures that an export is compared with torch on


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
        if not runs.record_run(run, result, timezone.now()):
            return None
    except Cancelled:
        raise
    except Exception as error:
        runs.abandon_run(run.pk, Run.State.FAILED, _sentence(error), timezone.now())
        raise
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
    kept = Path(settings.STATE_DIR, runs.folder(run))
    weights = artifacts.save(kept, recipe, outcome.trained, outcome.tested)
    asked = np.concatenate([snapshot.test_rows, snapshot.pool_rows])
    return Result(
        outcome.report,
        outcome.tested,
        [step._asdict() for step in outcome.trained.history],
        {
            **meter.read(chosen.gpus, chosen.peak_mib()),
            "steps": outcome.trained.steps,
            "weights": weights,
            **made_by(recipe, chosen.describe()),
        },
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
        made = {**meter.read(chosen.gpus, chosen.peak_mib()), "steps": recipe.steps(cell.n), **maker}
        curves.record_cell(row, key, cell, measured.to_json(), made, timezone.now())
        values = {"labels": float(cell.n), "accuracy": measured.accuracy.value}
        report(Progress("measured", done + 1, row.planned, values))


def _watch_cell(cell: Cell, done: int, planned: int, report: Report) -> Report:
    """Return a report for one cell that counts the cells of the whole curve."""

    def tell(progress: Progress) -> None:
        stage = f"{progress.stage}, {cell.n} labels, repeat {cell.repeat + 1}"
        report(Progress(stage, done, planned, {"labels": float(cell.n), **progress.values}))

    return tell


def judge(report: Report, *, version_id: int) -> dict[str, object] | None:
    """Judge a candidate against the current version on today's test set; promote it where the gate says so.

    Where the test set changed since one of the two was measured, its weights are scored on it again first.
    None if the version is gone or no candidate.  What keeps it from being judged is its verdict.
    """
    version = registry.find(version_id)
    if version is None or version.state != ModelVersion.State.CANDIDATE:
        return None
    snapshot = choice.freeze(version.dataset)
    rescored = []
    try:
        for one in registry.untested(version, snapshot):
            _rescore(one, snapshot, report)
            rescored.append(one.number)
        verdict = registry.gate(version, timezone.now(), snapshot)
        if verdict.promotes:
            kind = Promotion.Kind.GATE
            registry.promote(version, "", verdict.reason, timezone.now(), kind=kind)
    except (BrokenModel, NotJudged, NotPromotable) as trouble:
        verdict = registry.refuse(version, str(trouble), timezone.now())
    return {"promoted": verdict.promotes, "reason": verdict.reason, "scored_again": rescored}


def _rescore(version: ModelVersion, snapshot: Snapshot, report: Report) -> None:
    """Let a version's weights speak on the snapshot's test items; what its training measured stays."""
    from trainer.engine import artifacts, device, experiment, pixels

    model, recipe, classes = artifacts.load_model(registry.weights_file(version))
    if classes != snapshot.classes:
        raise NotJudged(f"Version {version.number} knows other classes than the dataset has today.")
    decoded = pixels.load(snapshot.files, snapshot.keys, recipe.resolution, pixel_cache(), report=report)
    chosen = device.pick("fp32")
    tested = experiment.examine(model.to(chosen.name), decoded, snapshot, chosen, report)
    tested.save(registry.predictions_file(version.run, snapshot))


def export(report: Report, *, version_id: int) -> dict[str, object] | None:
    """Write a version as ONNX, checked against torch; None if the version is gone."""
    version = registry.find(version_id)
    if version is None:
        return None
    exported = _export(version, report)
    return {"version": version.number, **exported}


def _export(version: ModelVersion, report: Report) -> dict[str, object]:
    from trainer.engine import artifacts, exports, pixels

    report(Progress("exporting", 0, 1))
    model, recipe, classes = artifacts.load_model(registry.weights_file(version))
    snapshot = choice.freeze(version.dataset)
    files, keys = snapshot.files[:CHECKED], snapshot.keys[:CHECKED]
    pictures = pixels.load(files, keys, recipe.resolution, pixel_cache(), report=report)
    exported = exports.export(
        registry.export_to(version), model, recipe, classes, weights=version.weights, pictures=pictures
    ).to_json()
    registry.record_export(version, exported)
    return exported


def score_pool(report: Report, *, version_id: int) -> dict[str, object] | None:
    """Score test items and unlabeled pictures with the current version, and hand the probabilities down.

    Through onnxruntime, without torch, once the version is exported; else it is exported first.  So new
    pictures get the model's opinion without a training.  None if the version is not the current one.
    """
    from trainer.engine import pixels
    from trainer.engine.scoring import Scorer

    version = registry.find(version_id)
    if version is None or version.state != ModelVersion.State.CURRENT:
        return None
    try:
        file = registry.onnx_file(version)
    except BrokenModel:
        _export(version, report)
        file = registry.onnx_file(version)
    scorer = Scorer(file)
    snapshot = choice.freeze(version.dataset)
    decoded = pixels.load(snapshot.files, snapshot.keys, scorer.resolution, pixel_cache(), report=report)
    asked = np.concatenate([snapshot.test_rows, snapshot.pool_rows])
    probs = scorer.probs(decoded, asked, report=report)
    if not registry.record_scores(version, snapshot.ids[asked], probs, timezone.now()):
        return None
    return {"version": version.number, "scored": len(asked)}


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
    versions = receipt.versions(
        policy=recipe.policy is not None,
        rebalance=recipe.rebalance is not None,
        backbone=recipe.network.startswith(TIMM),
    )
    return {"device": device, "code": receipt.code_version(settings.BASE_DIR), **versions}


def _sentence(error: Exception) -> str:
    """Our own errors speak to people; a foreign one needs its kind to be understood."""
    ours = type(error).__module__.split(".")[0] in ("labeling", "augment", "trainer")
    return str(error) if ours else f"{type(error).__name__}: {error}"
