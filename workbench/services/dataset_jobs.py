"""Which jobs work on a dataset: directly, or for one of its runs, model versions, curves and rounds."""

from typing import Any

from django.db.models import QuerySet

from labeling.models import Dataset, SelectionRound
from trainer.models import Curve, ModelVersion, Pretraining, Run, Study
from workbench.ledger.models import Job


def open_jobs_of(dataset: Dataset) -> list[Job]:
    """Return the queued and running jobs of the dataset, without their logs."""
    about = {
        "dataset_id": {dataset.pk},
        "run_id": _numbers(Run.objects.filter(dataset=dataset)),
        "version_id": _numbers(ModelVersion.objects.filter(dataset=dataset)),
        "pretraining_id": _numbers(Pretraining.objects.filter(dataset=dataset)),
        "study_id": _numbers(Study.objects.filter(dataset=dataset)),
        "curve_id": _numbers(Curve.objects.filter(dataset=dataset)),
        "round_id": _numbers(SelectionRound.objects.filter(dataset=dataset)),
    }
    jobs = Job.objects.open().defer("tail", "trail")
    return [job for job in jobs if any(job.params.get(name) in ours for name, ours in about.items())]


def _numbers(rows: QuerySet[Any]) -> set[int]:
    return set(rows.values_list("pk", flat=True))
