"""The slow work of this room: what a job does; when it runs is decided above."""

from pathlib import Path
from typing import Literal

from django.utils import timezone

from labeling.models import Dataset
from labeling.progress import Report
from labeling.services import pictures

LABELS_FILE = "labels.csv"


def import_folder(
    report: Report,
    *,
    dataset_id: int,
    folder: str,
    labels_csv: str = "",
    test_share: float = 0.2,
    keep_labels: Literal["all", "test"] = "all",
) -> dict[str, int] | None:
    """Import a folder; its own labels.csv counts where no other CSV is named.

    Returns the numbers of pictures taken, known, refused and noted; None where the dataset is gone.
    """
    dataset = Dataset.objects.filter(pk=dataset_id).first()
    if dataset is None:
        return None
    csv_path = Path(labels_csv or Path(folder, LABELS_FILE))
    done = pictures.import_images(
        dataset,
        Path(folder),
        labels=pictures.read_labels(csv_path) if labels_csv or csv_path.is_file() else None,
        test_share=test_share,
        keep_labels=keep_labels,
        now=timezone.now(),
        report=report,
    )
    return {
        "report_id": done.pk,
        "taken": done.taken,
        "known": done.known,
        "refused": len(done.refused),
        "noted": len(done.noted),
    }
