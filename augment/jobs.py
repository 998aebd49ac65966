"""What augment does in the background.  Albumentations is imported inside: nothing else pays for it."""

from pathlib import Path

import numpy as np
from django.conf import settings
from django.utils import timezone

from augment import policy_specs, services, sheets
from labeling import images
from labeling.models import Dataset
from labeling.progress import Progress, Report

ROWS, COPIES = 8, 8  # of a sheet
RESOLUTION = 32  # what the named recipes train at: a policy looks as the network sees it
SIDE = 64  # pixels of a cell on the page


def preview(report: Report, *, dataset_id: int, policy: str, seed: int) -> dict[str, object]:
    """Draw a contact sheet of a policy on some training pictures; its row says how to draw it again."""
    spec = policy_specs.spec(policy)
    dataset = Dataset.objects.get(pk=dataset_id)
    samples = services.samples_to_show(dataset, ROWS, seed)
    report(Progress("changing pictures", 0, COPIES))
    from augment import policies

    files = [Path(settings.MEDIA_ROOT, sample.file) for sample in samples]
    originals = np.stack([images.decode(file, RESOLUTION) for file in files])
    keys = [sample.key for sample in samples]
    copies = []
    for copy in range(COPIES):
        copies.append(policies.apply(spec, originals, keys, seed=seed, copy=copy))
        report(Progress("changing pictures", copy + 1, COPIES))
    row = services.record_preview(
        dataset,
        spec,
        samples,
        sheets.draw(originals, copies, SIDE),
        copies=COPIES,
        seed=seed,
        versions=policies.versions(),
        now=timezone.now(),
    )
    return {"preview": row.pk}
