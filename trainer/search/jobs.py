"""What is tried out in the background.  Heavy modules are imported inside, as in trainer.jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from labeling.progress import Cancelled, Report
from labeling.services import choice
from labeling.snapshot import Snapshot
from trainer.engine import material, receipt
from trainer.engine.material import Decoded, Examples, Material
from trainer.engine.recipe import Recipe
from trainer.jobs import aids, cache, made_by, pixel_cache, preparation, sentence
from trainer.models import Run, Study
from trainer.services import studies
from trainer.services.studies import Options

if TYPE_CHECKING:
    from trainer.engine.course import Aids
    from trainer.engine.device import Device


@dataclass(frozen=True, eq=False)
class Bench:
    """What a study works with."""

    study: Study
    recipe: Recipe
    options: Options
    n_classes: int
    learning: Material
    held_out: Examples
    device: Device
    aids: Aids
    report: Report


def range_test(report: Report, *, study_id: int) -> dict[str, object] | None:
    """Find the learning rates that a recipe can take; None if the study is gone or done."""
    return _carry_out(study_id, _rates, report)


def batch_map(report: Report, *, study_id: int) -> dict[str, object] | None:
    """Train a recipe at every batch size and number of epochs; None if the study is gone or done.

    Each cell is kept as soon as it is measured: a job that dies loses the one that it was at.
    """
    return _carry_out(study_id, _cells, report)


def _carry_out(
    study_id: int, find: Callable[[Bench], dict[str, Any]], report: Report
) -> dict[str, object] | None:
    study = studies.begin(study_id, timezone.now())
    if study is None:
        return None
    meter = receipt.Meter()
    try:
        bench = _bench(study, choice.freeze(study.dataset), report)
        result = find(bench)
    except Cancelled:
        raise
    except Exception as error:
        studies.abandon(study.pk, Run.State.FAILED, sentence(error), timezone.now())
        raise
    made = {**meter.read(), **made_by(bench.recipe, bench.device.describe())}
    return {"study": study.pk} if studies.record(study, result, made, timezone.now()) else None


def _bench(study: Study, snapshot: Snapshot, report: Report) -> Bench:
    from trainer.engine import device, pixels

    recipe = Recipe.from_json(study.recipe)
    rows, watched = studies.choose_rows(study, snapshot)
    decoded: Decoded = pixels.load(
        snapshot.files, snapshot.keys, recipe.resolution, pixel_cache(), report=report
    )
    prepare = preparation(recipe, study.seed, report)
    return Bench(
        study,
        recipe,
        Options.of(study),
        len(snapshot.classes),
        prepare(material.pick(decoded, snapshot, rows)),
        material.pick(decoded, snapshot, watched),
        device.pick(recipe.precision, memory=cache("device.json")),
        aids(study.dataset, recipe, snapshot),
        report,
    )


def _rates(bench: Bench) -> dict[str, Any]:
    from trainer.search import learning_rates

    found = learning_rates.range_test(
        bench.learning,
        bench.recipe,
        bench.n_classes,
        seed=bench.study.seed,
        device=bench.device,
        steps=bench.options.steps,
        report=bench.report,
        aids=bench.aids,
    )
    return found.to_json()


def _cells(bench: Bench) -> dict[str, Any]:
    from trainer.search import batch_sizes

    wanted, kept = bench.options, studies.cells(bench.study)
    planned = batch_sizes.plan(bench.recipe, len(bench.learning.rows), wanted.batches, wanted.epochs)
    found = batch_sizes.batch_map(
        bench.learning,
        bench.held_out,
        bench.recipe,
        bench.n_classes,
        planned,
        seed=bench.study.seed,
        device=bench.device,
        known={(cell["batch"], cell["epochs"]) for cell in kept},
        report=bench.report,
        aids=bench.aids,
    )
    for cell in found:
        kept.append(cell.to_json())
        studies.keep(bench.study, {"cells": kept})
    return {"cells": sorted(kept, key=lambda cell: (cell["epochs"], cell["batch"]))}
