"""What the trainer does in the background.  Heavy modules are imported inside: nothing else pays for them."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings
from django.utils import timezone

from labeling.models import Dataset
from labeling.progress import Cancelled, Progress, Report
from labeling.services import choice
from labeling.snapshot import Snapshot
from trainer.engine import material, receipt
from trainer.engine.material import Prepare
from trainer.engine.recipe import TIMM, Recipe
from trainer.models import Run
from trainer.services import pretraining, runs
from trainer.services.runs import Result

if TYPE_CHECKING:
    from trainer.engine.course import Aids
    from trainer.engine.device import Device
    from trainer.engine.experiment import Outcome, Train


def train(report: Report, *, run_id: int) -> dict[str, object] | None:
    """Train a run's recipe on the labels as they stand, test it, and hand its predictions down.

    A training that was killed goes on from its last checkpoint, and ends as if nothing had happened.

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
        runs.abandon_run(run.pk, Run.State.FAILED, sentence(error), timezone.now())
        raise
    runs.checkpoint_file(run).unlink(missing_ok=True)
    return {"run": run.pk, "accuracy": result.report.accuracy.value, "n_test": result.report.n}


def _freeze(run: Run, report: Report) -> Snapshot:
    report(Progress("freezing the data", 0))
    snapshot = choice.freeze(run.dataset)
    runs.record_plan(run, snapshot)
    return snapshot


def _train(run: Run, snapshot: Snapshot, report: Report) -> Result:
    from trainer.engine import artifacts, device, experiment, inference, pixels

    meter = receipt.Meter()
    recipe = Recipe.from_json(run.recipe)
    chosen = device.pick(recipe.precision, memory=cache("device.json"))
    decoded = pixels.load(snapshot.files, snapshot.keys, recipe.resolution, pixel_cache(), report=report)
    outcome = experiment.carry_out(
        snapshot,
        decoded,
        snapshot.train_rows,
        recipe,
        seed=run.seed,
        device=chosen,
        prepare=preparation(recipe, run.seed, report),
        report=report,
        aids=_aids(run, recipe, snapshot),
        train=_trainer(chosen),
    )
    trained = outcome.trained
    on_pool = inference.predict(trained.model, decoded, chosen, rows=snapshot.pool_rows, report=report)
    place = Path(settings.STATE_DIR, runs.folder(run))
    artifacts.save_snapshots(place, recipe, trained, snapshot.classes)
    weights = artifacts.save(place, recipe, trained, outcome.tested)
    used = {**meter.read(*device.gpu_use(chosen)), "steps": trained.steps, "weights": weights}
    asked = np.concatenate([snapshot.test_rows, snapshot.pool_rows])
    return Result(
        outcome.report,
        outcome.tested,
        [step._asdict() for step in trained.history],
        {**used, **made_by(recipe, chosen.describe())},
        snapshot.ids[asked],
        np.concatenate([outcome.tested.probs, on_pool]),
        _extras(outcome, run.seed),
    )


def _aids(run: Run, recipe: Recipe, snapshot: Snapshot) -> Aids:
    from trainer.engine.checkpoints import Checkpoint

    kept = Checkpoint(runs.checkpoint_file(run))
    return replace(aids(run.dataset, recipe, snapshot), checkpoint=kept)


def _trainer(chosen: Device) -> Train:
    """Return what trains: one process, or one for each GPU of this machine."""
    from trainer.engine import device, distributed, loop

    processes = device.count(chosen)
    return functools.partial(distributed.train, processes=processes) if processes > 1 else loop.train


def _extras(outcome: Outcome, seed: int) -> dict[str, object]:
    """Return what a run tells beside its metrics: warnings, early stopping, the snapshots' common word."""
    from trainer.engine import comparison, metrics

    trained, common = outcome.trained, outcome.ensemble
    extras: dict[str, object] = {"warnings": list(trained.warnings), **trained.began}
    if trained.best is not None:
        extras["validation"] = {"n": trained.watched, **trained.best._asdict()}
    if common is not None:
        rng = np.random.default_rng(seed)
        gains = comparison.compare(outcome.tested.probs, common.probs, common.labels, rng)
        extras["snapshot_ensemble"] = {
            "members": len(trained.snapshots),
            "metrics": metrics.evaluate(common.probs, common.labels, rng).to_json(),
            "gain": gains[0]._asdict(),
        }
    return extras


def preparation(recipe: Recipe, seed: int, report: Report) -> Prepare:
    """Return what makes material of training examples; only a recipe that changes data loads libraries."""
    if not recipe.enriches:
        return material.as_they_are
    from trainer.engine import enrichment

    return functools.partial(enrichment.enrich, recipe=recipe, seed=seed, report=report)


def aids(dataset: Dataset, recipe: Recipe, snapshot: Snapshot) -> Aids:
    """Return what every training leans on: what fitted into memory, and the features that it starts from."""
    from trainer.engine.course import Aids
    from trainer.engine.fits import Fits

    weights = pretraining.weights_for(dataset, recipe, snapshot)
    return Aids(fits=Fits(cache("fits.json")), weights=weights)


def pixel_cache() -> Path:
    return cache("pixels")


def cache(name: str) -> Path:
    """Return where something lies that can be found again at some cost."""
    return Path(settings.STATE_DIR, "cache", name)


def made_by(recipe: Recipe, device: str) -> dict[str, object]:
    """Return the part of a receipt that says what trained: device, code, versions."""
    versions = receipt.versions(
        policy=recipe.policy is not None,
        rebalance=recipe.rebalance is not None,
        backbone=recipe.network.startswith(TIMM),
    )
    return {"device": device, "code": receipt.code_version(settings.BASE_DIR), **versions}


def sentence(error: Exception) -> str:
    """Our own errors speak to people; a foreign one needs its kind to be understood."""
    ours = type(error).__module__.split(".")[0] in ("labeling", "augment", "trainer")
    return str(error) if ours else f"{type(error).__name__}: {error}"
