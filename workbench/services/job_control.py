"""Stopping a job and running it again, with the run that it is for."""

from datetime import datetime

from trainer.models import Run
from trainer.services import runs
from workbench.ledger.models import Job
from workbench.services import upkeep

TRAIN = "trainer.jobs.train"


def cancel(job: Job, now: datetime) -> bool:
    """Ask the job to stop; False when it has ended.  One that waited ends at once, and its run with it."""
    asked = job.request_cancel(now)
    upkeep.settle_runs(now)
    return asked


def retry(job: Job, now: datetime) -> bool:
    """Queue a failed or cancelled job anew, and let its run wait; False when it stands otherwise."""
    queued = job.retry(now)
    if queued and job.work == TRAIN:
        runs.reopen(job.params["run_id"])
    return queued


def open_jobs_of_run(run: Run) -> list[Job]:
    return list(Job.objects.open().filter(params__run_id=run.pk))


def job_of_run(run: Run) -> Job | None:
    """Return the job that trains or trained the run; None where the ledger no longer holds it."""
    return Job.objects.filter(pk=run.job).first() if run.job else None
