"""Follows a job's row in a terminal until the job ends."""

import threading
from collections.abc import Callable

from workbench.ledger.models import Job

POLL_S = 0.3


class JobFailed(Exception):
    """The job did not end well; the message is its error sentence."""


def follow(job: Job, show: Callable[[Job], None], stopping: threading.Event) -> Job:
    """Call show(job) about three times a second until the job is done; raise JobFailed otherwise."""
    while True:
        job.refresh_from_db()
        show(job)
        if job.state == Job.State.DONE:
            return job
        if job.state not in (Job.State.QUEUED, Job.State.RUNNING):
            raise JobFailed(f"{job.title}: {job.state}. {job.error}".strip())
        if stopping.wait(POLL_S):
            raise JobFailed(f"{job.title}: stopped")
