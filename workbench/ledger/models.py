"""The job ledger: every piece of background work is one row, claimed by compare-and-set.

Whoever may lose or repeat a message carries only a row's id; the row alone says who works, until when the
lease holds, how far the work is, and how it ended.  A claim gives a token; every later write of the worker
is one UPDATE that asks for this token, so a worker that lost its lease can change nothing any more.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import F, Q

OPEN_STATES = ["queued", "running"]
NO_LEASE: dict[str, None] = {"lease_token": None, "lease_until": None}
OUT_OF_ATTEMPTS = "The worker stopped answering in every attempt; the work itself may have brought it down."


class Reaped(NamedTuple):
    """What became of the jobs whose worker stopped beating."""

    requeued: int
    failed: int
    cancelled: int


class JobQuerySet(models.QuerySet["Job"]):
    def ready(self, queues: list[str], now: datetime) -> JobQuerySet:
        return self.filter(
            state=Job.State.QUEUED, queue__in=queues, run_after__lte=now, cancel_requested=False
        ).order_by("-priority", "run_after", "created_at")

    def open(self) -> JobQuerySet:
        return self.filter(state__in=OPEN_STATES)

    def lost(self, now: datetime) -> JobQuerySet:
        return self.filter(state=Job.State.RUNNING, lease_until__lt=now)

    def held(self, token: uuid.UUID) -> JobQuerySet:
        """The one row that this token still leases, or none."""
        return self.filter(state=Job.State.RUNNING, lease_token=token)

    def reap(self, now: datetime) -> Reaped:
        """Take lost jobs from their workers: back to the queue, or to an end.

        Any number of processes may reap at once: each row matches one of the UPDATEs exactly once.
        """
        lost = self.lost(now)
        wanted = lost.filter(cancel_requested=False)
        return Reaped(
            cancelled=lost.filter(cancel_requested=True).update(
                state=Job.State.CANCELLED, finished_at=now, **NO_LEASE
            ),
            failed=wanted.filter(attempt__gte=F("max_attempts")).update(
                state=Job.State.FAILED, finished_at=now, error=OUT_OF_ATTEMPTS, **NO_LEASE
            ),
            requeued=wanted.filter(attempt__lt=F("max_attempts")).update(
                state=Job.State.QUEUED, run_after=now, **NO_LEASE
            ),
        )

    def cancel_queued(self, now: datetime) -> int:
        """End the queued jobs that somebody asked to cancel: no worker will take them."""
        return self.filter(state=Job.State.QUEUED, cancel_requested=True).update(
            state=Job.State.CANCELLED, finished_at=now
        )


class Job(models.Model):
    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    work = models.CharField(max_length=100)  # dotted path of a job function, e.g. "trainer.jobs.train"
    title = models.CharField(max_length=200)  # for people
    queue = models.CharField(max_length=20, default="cpu")
    params = models.JSONField(default=dict)  # keyword arguments of the function: ids and plain values
    dedupe_key = models.CharField(max_length=120, null=True)  # at most one open job of a key
    requested_by = models.CharField(max_length=150, blank=True)
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    priority = models.SmallIntegerField(default=0)  # up is sooner
    attempt = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=3)
    run_after = models.DateTimeField()
    worker = models.CharField(max_length=100, blank=True)
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    cancel_requested = models.BooleanField(default=False)
    progress = models.JSONField(default=dict)  # {"stage", "done", "total", "values"}
    resources = models.JSONField(default=dict)  # what it uses, see Child.measure; the last measured stay
    trail = models.JSONField(default=list)  # [{"step", **values}]: the figures that it reported, in order
    result = models.JSONField(null=True)
    tail = models.TextField(blank=True)  # the last lines that the present attempt printed
    error = models.TextField(blank=True)  # one sentence for people
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)  # of the present attempt
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["state", "queue", "-priority", "run_after"])]
        constraints = [
            models.UniqueConstraint(
                fields=["dedupe_key"], condition=Q(state__in=OPEN_STATES), name="one_open_job_per_key"
            )
        ]

    def __str__(self) -> str:
        return self.title

    def claim(self, worker: str, now: datetime) -> uuid.UUID | None:
        """Take the job; the lease token for exactly one caller, None for all others."""
        token = uuid.uuid4()
        won = Job.objects.filter(
            pk=self.pk, state=Job.State.QUEUED, run_after__lte=now, cancel_requested=False
        ).update(
            state=Job.State.RUNNING,
            worker=worker,
            lease_token=token,
            lease_until=now + settings.LEASE,
            attempt=F("attempt") + 1,
            started_at=now,
            progress={},
            resources={},
            tail="",
            error="",
        )
        return token if won else None

    def _mine(self, token: uuid.UUID) -> JobQuerySet:
        return Job.objects.held(token).filter(pk=self.pk)

    def beat(self, token: uuid.UUID, now: datetime, **news: object) -> bool:
        """Lengthen the lease and write news (`progress`, `tail`, ...); False when the lease is lost."""
        return bool(self._mine(token).update(lease_until=now + settings.LEASE, **news))

    def finish(self, token: uuid.UUID, result: object, now: datetime) -> bool:
        return self._end(token, Job.State.DONE, now, result=result)

    def fail(self, token: uuid.UUID, error: str, now: datetime) -> bool:
        return self._end(token, Job.State.FAILED, now, error=error)

    def fail_or_repeat(self, token: uuid.UUID, error: str, now: datetime) -> bool:
        """Close an attempt that something outside ended: queue the next one, or fail after the last."""
        more = self._mine(token).filter(attempt__lt=F("max_attempts"))
        return self._give_back(more, now, error=error) or self.fail(token, error, now)

    def cancel(self, token: uuid.UUID, now: datetime) -> bool:
        return self._end(token, Job.State.CANCELLED, now)

    def _end(self, token: uuid.UUID, state: Job.State, now: datetime, **outcome: object) -> bool:
        ended = (
            Job.objects.held(token)
            .filter(pk=self.pk)
            .update(state=state, finished_at=now, **NO_LEASE, **outcome)
        )
        return bool(ended)

    def release(self, token: uuid.UUID, now: datetime) -> bool:
        """Give the job back unfinished, as if this attempt had never been: the worker has to go."""
        return self._give_back(self._mine(token), now, attempt=F("attempt") - 1)

    def _give_back(self, mine: JobQuerySet, now: datetime, **changes: object) -> bool:
        given = mine.update(state=Job.State.QUEUED, run_after=now, **NO_LEASE, **changes)
        Job.objects.filter(pk=self.pk).cancel_queued(now)
        return bool(given)

    def request_cancel(self, now: datetime) -> bool:
        """Cancel at once while the job is queued, else ask its worker to; False when it has ended.

        The wish is written first: from then on nobody can claim the job, and whoever gives it back ends it.
        """
        mine = Job.objects.filter(pk=self.pk)
        asked = mine.open().update(cancel_requested=True)
        mine.cancel_queued(now)
        return bool(asked)

    def retry(self, now: datetime) -> bool:
        """Queue a failed or cancelled job anew; False when it stands otherwise or its key has an open job."""
        ended = Job.objects.filter(pk=self.pk, state__in=[Job.State.FAILED, Job.State.CANCELLED])
        try:
            with transaction.atomic():
                return bool(
                    ended.update(
                        state=Job.State.QUEUED,
                        attempt=0,
                        cancel_requested=False,
                        run_after=now,
                        finished_at=None,
                        error="",
                    )
                )
        except IntegrityError:
            return False
