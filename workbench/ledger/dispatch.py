"""Puts work into the ledger.  A row is enough: workers poll for it."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from workbench.ledger.models import Job


def submit(
    work: str,
    title: str,
    *,
    queue: str = "cpu",
    requested_by: str = "",
    dedupe_key: str | None = None,
    priority: int = 0,
    **params: object,
) -> Job:
    """Queue one call of the job function `work` and return its row.

    With a dedupe_key, an open job of the same key is returned instead of a second one.
    """
    now = timezone.now()
    try:
        with transaction.atomic():
            return Job.objects.create(
                work=work,
                title=title,
                queue=queue,
                requested_by=requested_by,
                dedupe_key=dedupe_key,
                priority=priority,
                params=params,
                run_after=now,
                created_at=now,
            )
    except IntegrityError:
        return Job.objects.get(dedupe_key=dedupe_key)
