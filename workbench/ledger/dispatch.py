"""Puts work into the ledger.  A row is enough: workers poll for it."""

from django.utils import timezone

from workbench.ledger import catalog
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
    Raises UnknownWork where no job module is named.
    """
    catalog.check(work)
    now = timezone.now()
    row = {"work": work, "title": title, "queue": queue, "priority": priority, "params": params}
    row |= {"requested_by": requested_by, "run_after": now, "created_at": now}
    if dedupe_key is None:
        return Job.objects.create(**row)
    job, _ = Job.objects.open().get_or_create(dedupe_key=dedupe_key, defaults=row)
    return job
