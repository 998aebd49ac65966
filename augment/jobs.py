"""What augment does in the background.  Albumentations and torch are imported inside: others do not pay."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from django.conf import settings
from django.utils import timezone
from numpy.typing import NDArray

from augment import catalog, services, sheets
from augment.batch_specs import BatchSpec
from augment.catalog import Spec
from labeling import images
from labeling.models import Dataset
from labeling.progress import Progress, Report

Pixels = NDArray[np.uint8]
ROWS, COPIES = 8, 8  # of a sheet
RESOLUTION = 32  # what the named recipes train at: a policy looks as the network sees it
SIDE = 64  # pixels of a cell on the page


def preview(report: Report, *, dataset_id: int, policy: str, seed: int) -> dict[str, object]:
    """Draw a contact sheet of a policy on some training pictures; its row says how to draw it again."""
    spec = catalog.find(policy)
    dataset = Dataset.objects.get(pk=dataset_id)
    samples = services.samples_to_show(dataset, ROWS, seed)
    report(Progress("changing pictures", 0, COPIES))
    draw, versions = _drawing(spec, [sample.key for sample in samples], seed)
    files = [Path(settings.MEDIA_ROOT, sample.file) for sample in samples]
    originals = np.stack([images.decode(file, RESOLUTION) for file in files])
    copies = []
    for copy in range(COPIES):
        copies.append(draw(originals, copy))
        report(Progress("changing pictures", copy + 1, COPIES))
    row = services.record_preview(
        dataset,
        spec,
        samples,
        sheets.draw(originals, copies, SIDE),
        copies=COPIES,
        seed=seed,
        versions=versions,
        now=timezone.now(),
    )
    return {"preview": row.pk}


def _drawing(
    spec: Spec, keys: Sequence[str], seed: int
) -> tuple[Callable[[Pixels, int], Pixels], Mapping[str, str]]:
    """Return what makes the n-th changed copy of pictures, and the versions of the library that does it."""
    if isinstance(spec, BatchSpec):
        from augment import transforms

        return lambda images, n: transforms.copy_of(spec, images, seed=seed, copy=n), transforms.versions()
    from augment import policies

    return lambda images, n: policies.apply(spec, images, keys, seed=seed, copy=n), policies.versions()
