"""Decides when pictures are inspected: after an import, and once where none of a dataset was."""

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from labeling.models import Dataset, Sample
from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job
from workbench.services.follow_up import IMPORT, RECENT, latest

INSPECTION = "labeling.quality.jobs.inspect_pictures"


def start_inspection(dataset: Dataset, *, requested_by: str = "") -> Job:
    """Queue the inspection of all pictures that were not inspected yet; asked for twice it is one job."""
    return submit(
        INSPECTION,
        f"Inspect the pictures of {dataset}",
        requested_by=requested_by,
        dedupe_key=f"inspect:{dataset.pk}",
        dataset_id=dataset.pk,
    )


def inspect_after_imports(now: datetime) -> None:
    """Inspect where an import ended since, and where pictures came before there were inspections.

    The latter once a day at most: what cannot be inspected today is tried again tomorrow.
    """
    since = now - RECENT
    asked = latest("created_at", Q(work=INSPECTION), since)
    imported = latest("finished_at", Q(work=IMPORT, state=Job.State.DONE), since)
    due = {pk for pk, at in imported.items() if at > asked.get(pk, since)}
    due.update(_never_inspected().exclude(pk__in=asked).values_list("pk", flat=True))
    for dataset in Dataset.objects.filter(pk__in=due):
        start_inspection(dataset)


def last_inspection(dataset: Dataset) -> Job | None:
    """Return the newest inspection that ended well."""
    done = Job.objects.filter(work=INSPECTION, state=Job.State.DONE, params__dataset_id=dataset.pk)
    return done.order_by("-finished_at").first()


def _never_inspected() -> QuerySet[Dataset]:
    samples = Sample.objects.filter(dataset=OuterRef("pk"))
    placed = samples.exclude(duplicate_group="")  # an import that runs is waited for
    return Dataset.objects.filter(Exists(placed), ~Exists(samples.filter(measures__isnull=False)))
