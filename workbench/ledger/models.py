"""The job ledger: every piece of background work is one row, claimed by compare-and-set.

Whoever may lose or repeat a message carries only a row's id; the row alone says who works, until when the
lease holds, how far the work is, and how it ended.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import models
from django.db.models import F

LEASE = timedelta(seconds=60)  # a worker that has not beaten for so long is taken for dead
TAIL_LINES = 200  # log lines kept on the row


class JobQuerySet(models.QuerySet["Job"]):
    def ready(self, queues: list[str], now: datetime) -> JobQuerySet:
        return self.filter(
            state=Job.State.QUEUED, queue__in=queues, run_after__lte=now, cancel_requested=False
        ).order_by("-priority", "run_after", "created_at")

    def open(self) -> JobQuerySet:
        return self.filter(state__in=[Job.State.QUEUED, Job.State.RUNNING])

    def lost(self, now: datetime) -> JobQuerySet:
        return self.filter(state=Job.State.RUNNING, lease_until__lt=now)


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
    dedupe_key = models.CharField(max_length=120, null=True, unique=True)  # while open: one job of this key
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
    result = models.JSONField(null=True)
    tail = models.TextField(blank=True)  # the last TAIL_LINES lines that the work printed
    error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["state", "queue", "-priority", "run_after"])]

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
            lease_until=now + LEASE,
            attempt=F("attempt") + 1,
            started_at=now,
        )
        return token if won else None
