"""Decides when background work runs: each verb opens what the job needs and puts one row into the ledger."""

import secrets
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from labeling.models import Dataset, PredictionSet, SelectionRound
from labeling.services import choice
from trainer.engine.recipe import NAMED, Recipe
from trainer.models import ModelVersion
from trainer.services import curves, registry, runs
from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job

JUDGE = "trainer.registry.jobs.judge"
SCORE = "trainer.registry.jobs.score_pool"


def new_seed() -> int:
    """A fresh seed; whoever receives it records it."""
    return secrets.randbits(31)


class AlreadyImporting(Exception):
    """Another import into the dataset is open; the message says so to a person."""


def start_import(
    dataset: Dataset,
    folder: Path,
    *,
    labels_csv: Path | None = None,
    keep_labels: str = "all",
    test_share: float = 0.2,
    classes: Sequence[str] = (),
    requested_by: str = "",
) -> Job:
    """Queue the import of a folder; the same wish twice is one job, another one meanwhile is refused."""
    table = str(labels_csv or "")
    job = submit(
        "labeling.jobs.import_folder",
        f"Import {folder.name} into {dataset}",
        requested_by=requested_by,
        dedupe_key=f"import:{dataset.pk}",
        dataset_id=dataset.pk,
        folder=str(folder),
        labels_csv=table,
        keep_labels=keep_labels,
        test_share=test_share,
        classes=list(classes),
    )
    if (job.params["folder"], job.params["labels_csv"]) != (str(folder), table):
        raise AlreadyImporting(
            f"{dataset} is just importing {job.params['folder']}. Import {folder} when that is done."
        )
    return job


def start_training(
    dataset: Dataset,
    recipe: Recipe | str,
    *,
    seed: int | None = None,
    requested_by: str = "",
    dedupe_key: str | None = None,
) -> Job:
    """Open a run of the recipe (or of the named one) and queue its training."""
    name = recipe if isinstance(recipe, str) else "own recipe"
    chosen = NAMED[recipe] if isinstance(recipe, str) else recipe
    with transaction.atomic():  # no run without its job, no job without its run
        run = runs.open_run(dataset, chosen, new_seed() if seed is None else seed, name, timezone.now())
        job = submit(
            "trainer.jobs.train",
            f"Train {name} on {dataset}",
            queue=settings.TRAIN_QUEUE,
            requested_by=requested_by,
            dedupe_key=dedupe_key,
            run_id=run.pk,
        )
        if job.params["run_id"] != run.pk:  # the same request came twice: the first one's run stands
            run.delete()
        else:
            run.job = str(job.pk)
            run.save(update_fields=["job"])
    return job


def start_curve(dataset: Dataset, *, preset: str, seed: int | None = None, requested_by: str = "") -> Job:
    curve = curves.open_curve(
        dataset, NAMED["plain"], preset, new_seed() if seed is None else seed, timezone.now()
    )
    return submit(
        "trainer.jobs.curve",
        f"Learning curve of {dataset} ({preset})",
        queue=settings.TRAIN_QUEUE,
        requested_by=requested_by,
        curve_id=curve.pk,
    )


def start_preview(dataset: Dataset, policy: str, *, seed: int | None = None, requested_by: str = "") -> Job:
    return submit(
        "augment.jobs.preview",
        f"Preview of {policy} on {dataset}",
        requested_by=requested_by,
        dedupe_key=f"preview:{dataset.pk}:{policy}",
        dataset_id=dataset.pk,
        policy=policy,
        seed=new_seed() if seed is None else seed,
    )


def start_next_round(
    dataset: Dataset,
    *,
    count: int,
    strategy: str = SelectionRound.Strategy.MARGIN,
    random_share: float = 0.2,
    overlap: int = 1,
    seed: int | None = None,
    requested_by: str = "",
) -> Job:
    """Choose the samples now, so that no other round can take them, and queue their way to Label Studio."""
    chosen = choice.choose_next(
        dataset,
        count=count,
        strategy=strategy,
        random_share=random_share,
        overlap=overlap,
        seed=new_seed() if seed is None else seed,
        predictions=best_predictions(dataset),
        now=timezone.now(),
    )
    return start_push(chosen, requested_by=requested_by)


def best_predictions(dataset: Dataset) -> PredictionSet | None:
    """Return what the current model version predicts.

    Without one, what the most accurate run on the newest labels does; all of those share one test set.
    """
    standing = registry.current(dataset)
    best = standing.run if standing else runs.best(dataset)
    return dataset.prediction_sets.filter(source=f"run:{best.pk}").first() if best else None


def start_judging(version: ModelVersion, *, promote: bool = True, requested_by: str = "") -> Job:
    return submit(
        JUDGE,
        f"Judge {version} of {version.dataset}",
        requested_by=requested_by,
        dedupe_key=f"judge:{version.pk}",
        priority=-1,  # nobody waits for it
        version_id=version.pk,
        promote=promote,
    )


def start_export(version: ModelVersion, *, requested_by: str = "") -> Job:
    return submit(
        "trainer.registry.jobs.export",
        f"Export {version} of {version.dataset} to ONNX",
        requested_by=requested_by,
        dedupe_key=f"export:{version.pk}",
        version_id=version.pk,
    )


def start_scoring(version: ModelVersion, *, requested_by: str = "") -> Job:
    """Let the current version speak on the test and the unlabeled pictures as they stand."""
    return submit(
        SCORE,
        f"Score the pictures of {version.dataset} with {version}",
        requested_by=requested_by,
        dedupe_key=f"score:{version.pk}",
        priority=-1,
        version_id=version.pk,
    )


def start_push(chosen: SelectionRound, *, requested_by: str = "") -> Job:
    """Send a round to Label Studio; safe to repeat, what is there already is not sent again."""
    return submit(
        "labeling.jobs.push",
        f"Send {chosen.tasks.count()} samples of {chosen.dataset} to Label Studio",
        requested_by=requested_by,
        dedupe_key=f"push:{chosen.pk}",
        priority=1,
        round_id=chosen.pk,
    )


def start_sync(dataset: Dataset, *, requested_by: str = "") -> Job:
    return submit(
        "labeling.jobs.sync",
        f"Fetch the annotations of {dataset}",
        requested_by=requested_by,
        dedupe_key=f"sync:{dataset.pk}",
        priority=1,
        dataset_id=dataset.pk,
    )


def start_advice(dataset: Dataset, *, requested_by: str = "") -> Job:
    return submit(
        "workbench.jobs.refresh_advice",
        f"Advice for {dataset}",
        requested_by=requested_by,
        dedupe_key=f"advice:{dataset.pk}",
        dataset_id=dataset.pk,
    )
