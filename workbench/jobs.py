"""What the workbench does in the background."""

from django.utils import timezone

from labeling.models import Dataset
from labeling.progress import Progress, Report
from workbench.services import advice


def refresh_advice(report: Report, *, dataset_id: int) -> dict[str, object] | None:
    """Look at the dataset as it stands and renew its advice; None if the dataset is gone."""
    dataset = Dataset.objects.filter(pk=dataset_id).first()
    if dataset is None:
        return None
    report(Progress("advising", 0, 1))
    given = advice.refresh_advice(dataset, timezone.now())
    return {"advice": [row.action for row in given]}
