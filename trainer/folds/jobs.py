"""Cross-validation in the background.  Heavy modules are imported inside, as in trainer.jobs."""

from __future__ import annotations

from django.utils import timezone

from labeling.progress import Progress, Report
from labeling.snapshot import Snapshot
from trainer.engine import folds, receipt
from trainer.engine.folds import Folds
from trainer.engine.predictions import TestPredictions
from trainer.engine.recipe import Recipe
from trainer.jobs import aids, cache, pixel_cache, preparation
from trainer.models import Run
from trainer.services import cross_validation


def out_of_fold(report: Report, *, run_id: int) -> dict[str, object] | None:
    """Score each labeled training picture of a finished run by a model that never saw it, and keep it.

    None if the run is gone, not done, or has its figures.  Each fold is kept as soon as it is scored: a job
    that dies loses the one that it was at.
    """
    run = (
        Run.objects.select_related("dataset").filter(pk=run_id, state=Run.State.DONE, out_of_fold={}).first()
    )
    if run is None:
        return None
    cross_validation.open_folds(run)
    snapshot, cut = cross_validation.cut(run)
    meter = receipt.Meter()
    parts = [cross_validation.known(run, fold) for fold in range(cut.count)]
    missing = [fold for fold, part in enumerate(parts) if part is None]
    scored = _score_folds(run, snapshot, cut, missing, report) if missing else {}
    whole = [part or scored[fold] for fold, part in enumerate(parts)]
    made = {**meter.read(), "trained": len(missing)}
    figures = cross_validation.record(run, snapshot, cut, whole, made, timezone.now())
    return None if figures is None else {"run": run.pk, "accuracy": figures["accuracy"], "n": figures["n"]}


def _score_folds(
    run: Run, snapshot: Snapshot, cut: Folds, missing: list[int], report: Report
) -> dict[int, TestPredictions]:
    """Train the recipe from scratch without each missing fold and return what it says of the fold."""
    from trainer.engine import device, experiment, pixels

    recipe = Recipe.from_json(run.recipe)
    chosen = device.pick(recipe.precision, memory=cache("device.json"))
    decoded = pixels.load(snapshot.files, snapshot.keys, recipe.resolution, pixel_cache(), report=report)
    leant_on = aids(run.dataset, recipe, snapshot)
    found = {}
    for fold in missing:
        turned = folds.as_test(snapshot, cut, fold)
        watch = _watch_fold(fold, cut.count, report)
        found[fold] = experiment.carry_out(
            turned,
            decoded,
            turned.train_rows,
            recipe,
            seed=run.seed,
            device=chosen,
            prepare=preparation(recipe, run.seed, watch),
            report=watch,
            aids=leant_on,
        ).tested
        cross_validation.keep(run, fold, found[fold])
        report(Progress("scored", fold + 1, cut.count))
    return found


def _watch_fold(fold: int, count: int, report: Report) -> Report:
    """Return a report for one fold that counts the folds."""

    def tell(progress: Progress) -> None:
        report(Progress(f"{progress.stage}, fold {fold + 1} of {count}", fold, count, progress.values))

    return tell
