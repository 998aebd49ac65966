"""What the pages and the JSON API show of the job ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import NoReverseMatch, reverse

from trainer.models import Run
from workbench.ledger.models import Job

LIST_LENGTH = 100  # older jobs stand in the administration
# A job's parameter, and the page that shows what the job makes or changes.
PLACES = {
    **{"version_id": "version", "run_id": "run", "curve_id": "curve", "study_id": "study"},
    "dataset_id": "dataset",
}


@dataclass(frozen=True)
class Resources:
    """What a job uses now; None where it was not measured."""

    cpu_s: float | None = None
    rss_mib: float | None = None
    peak_mib: float | None = None
    gpu_mib: float | None = None  # the most so far
    per_s: float | None = None  # steps of the present stage
    left_s: float | None = None  # of the present stage


MEASURED = [field.name for field in fields(Resources)]


@dataclass(frozen=True)
class JobRow:
    id: UUID
    title: str
    work: str
    queue: str
    state: str
    stage: str
    done: int
    total: int | None
    values: dict[str, float]
    resources: Resources
    attempt: int
    max_attempts: int
    requested_by: str
    cancel_requested: bool
    error: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def share(self) -> float | None:
        """How far the present stage is, in [0, 1]; None when nobody knows."""
        if self.state == Job.State.DONE:
            return 1.0
        return min(1.0, self.done / self.total) if self.total else None

    @property
    def figures(self) -> str:
        """The live figures with their step, as JSON for the page's chart."""
        return json.dumps({"step": self.done, **self.values}) if self.values else ""

    @property
    def is_open(self) -> bool:
        return self.state in (Job.State.QUEUED, Job.State.RUNNING)

    @property
    def can_retry(self) -> bool:
        return self.state in (Job.State.FAILED, Job.State.CANCELLED)

    @property
    def duration_s(self) -> float | None:
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


@dataclass(frozen=True)
class JobPage:
    row: JobRow
    tail: str
    worker: str
    result: object
    place: str  # address of the page that the job works for, "" where there is none
    samples_per_s: float | None  # while it trains


def job_row(job: Job) -> JobRow:
    progress = job.progress or {}
    return JobRow(
        id=job.pk,
        title=job.title,
        work=job.work,
        queue=job.queue,
        state=job.state,
        stage=progress.get("stage", ""),
        done=progress.get("done", 0),
        total=progress.get("total"),
        values=progress.get("values") or {},
        resources=Resources(**{name: job.resources.get(name) for name in MEASURED}),
        attempt=job.attempt,
        max_attempts=job.max_attempts,
        requested_by=job.requested_by,
        cancel_requested=job.cancel_requested,
        error=job.error,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


def job_rows(jobs: Iterable[Job]) -> list[JobRow]:
    return [job_row(job) for job in jobs]


def latest() -> list[JobRow]:
    """Open jobs first, then the others, newest first."""
    rows = job_rows(Job.objects.defer("tail", "trail", "result")[:LIST_LENGTH])
    return sorted(rows, key=lambda row: not row.is_open)


def job_page(job: Job) -> JobPage:
    row = job_row(job)
    return JobPage(row, job.tail, job.worker, job.result, place(job), _samples_per_s(job, row))


def _samples_per_s(job: Job, row: JobRow) -> float | None:
    """Return how many pictures a second a training learns from: its steps a second times its batch."""
    if row.stage != "training" or row.resources.per_s is None or "run_id" not in job.params:
        return None
    recipe = Run.objects.filter(pk=job.params["run_id"]).values_list("recipe", flat=True).first()
    return row.resources.per_s * recipe["batch"] if recipe and "batch" in recipe else None


def trail(job_id: str) -> list[dict[str, Any]]:
    """Return the whole points of loss and accuracy that a training has reported up to now."""
    found = Job.objects.filter(pk=job_id).values_list("trail", flat=True).first() if job_id else None
    return [point for point in found or [] if None not in (point.get("loss"), point.get("accuracy"))]


def open_job(**about: int) -> JobPage | None:
    """Return the open job that was started with these parameters, e.g. run_id=42."""
    job = Job.objects.open().filter(**{f"params__{name}": value for name, value in about.items()}).first()
    return job_page(job) if job else None


def job_of(job_id: str) -> JobPage | None:
    """Return the job that a row names; None where it names none or the ledger no longer holds it."""
    job = Job.objects.filter(pk=job_id).first() if job_id else None
    return job_page(job) if job else None


def place(job: Job) -> str:
    """Return the address of the run, curve, study or dataset that the job works for, or ""."""
    for parameter, page in PLACES.items():
        if parameter in job.params:
            try:
                return reverse(page, args=[job.params[parameter]])
            except NoReverseMatch:
                continue
    return ""
