"""Taking a dataset away, with all that hangs on it."""

import shutil
from pathlib import Path

from django.conf import settings
from django.db import transaction

from labeling.models import Dataset
from labeling.services import pictures
from trainer.models import Curve, Pretraining, Run
from workbench.services.dataset_jobs import open_jobs_of


class StillBusy(Exception):
    """The dataset has open jobs; the message says so to a person."""


def delete_dataset(dataset: Dataset) -> None:
    """Delete the rows, then the files; what stands in Label Studio stays there.

    Raises StillBusy while a job works on it: it would write to rows that are gone.
    """
    runs = list(Run.objects.filter(dataset=dataset).values_list("pk", flat=True))
    curves = list(Curve.objects.filter(dataset=dataset).values_list("pk", flat=True))
    learned = list(Pretraining.objects.filter(dataset=dataset).values_list("pk", flat=True))
    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=dataset.pk)
        for job in open_jobs_of(dataset):
            raise StillBusy(f"A job still works on it: {job.title}. Cancel it or wait for its end.")
        pictures.remove_dataset(dataset)
    places = {"runs": runs, "curves": curves, "pretrainings": learned}
    kept = [Path(place, str(pk)) for place, pks in places.items() for pk in pks]
    for folder in kept:
        shutil.rmtree(settings.STATE_DIR / folder, ignore_errors=True)  # a leftover takes room, nothing else
