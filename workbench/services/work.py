"""Decides when background work runs: each verb opens what the job needs and puts one row into the ledger."""

import secrets
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from labeling.label_studio import pulse
from labeling.models import Dataset, LabelProject, SelectionRound
from labeling.services import choice
from labeling.services.connection import Connection, connection
from trainer.engine.recipe import NAMED, Recipe
from trainer.models import Run
from trainer.services import curves, runs
from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job

FULL_SYNC = timedelta(hours=1)  # a sync even when the pulse says that nothing moved


def new_seed() -> int:
    """A fresh seed; whoever receives it records it."""
    return secrets.randbits(31)


def start_import(
    dataset: Dataset,
    folder: Path,
    *,
    labels_csv: Path | None = None,
    keep_labels: str = "all",
    test_share: float = 0.2,
    requested_by: str = "",
) -> Job:
    return submit(
        "labeling.jobs.import_folder",
        f"Import {folder.name} into {dataset}",
        requested_by=requested_by,
        dedupe_key=f"import:{dataset.pk}",
        dataset_id=dataset.pk,
        folder=str(folder),
        labels_csv=str(labels_csv or ""),
        keep_labels=keep_labels,
        test_share=test_share,
    )


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
        return job
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
        now=timezone.now(),
    )
    return submit(
        "labeling.jobs.push",
        f"Send {chosen.tasks.count()} samples of {dataset} to Label Studio",
        requested_by=requested_by,
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


def poll_label_studio(now: datetime) -> None:
    """Queue a sync for each dataset whose Label Studio projects moved since the last one.

    Costs two small requests a project; the sync itself runs in a worker.
    """
    link = connection()
    if link is None:
        return
    for project in LabelProject.objects.filter(server_url=link.name, closed_at=None).select_related(
        "dataset"
    ):
        try:
            moved = _moved(project, link)
        except pulse.NoPulse as trouble:
            _note_trouble(project, str(trouble))
            return  # the server is down: the other projects would only wait for it too
        if moved or project.synced_at is None or now - project.synced_at > FULL_SYNC:
            start_sync(project.dataset)


def _moved(project: LabelProject, link: Connection) -> bool:
    """Say whether Label Studio holds anything of the project that the last sync has not seen."""
    theirs = pulse.counts(link.url, link.api_key, project.ls_id)
    if theirs is None or asdict(theirs) != project.seen:
        return True
    newest = pulse.newest_change(link.url, link.api_key, project.ls_id)
    return newest is not None and (project.cursor_at is None or newest > project.cursor_at)


def _note_trouble(project: LabelProject, trouble: str) -> None:
    if project.error != trouble:
        project.error = trouble
        project.save(update_fields=["error"])


ENDINGS = {Job.State.FAILED: Run.State.FAILED, Job.State.CANCELLED: Run.State.CANCELLED}


def settle_runs(now: datetime) -> None:
    """Close the runs whose job ended without closing them: killed, cancelled or out of attempts."""
    still_open = list(Run.objects.filter(state__in=[Run.State.WAITING, Run.State.RUNNING]).exclude(job=""))
    jobs = {str(job.pk): job for job in Job.objects.filter(pk__in=[run.job for run in still_open])}
    for run in still_open:
        job = jobs.get(run.job)
        if job is not None and job.state in ENDINGS:
            runs.abandon_run(run.pk, ENDINGS[Job.State(job.state)], job.error, now)
