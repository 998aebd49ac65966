"""What the workbench does in the background."""

from django.utils import timezone

from labeling.models import Dataset
from labeling.progress import Progress, Report
from labeling.services import chance
from workbench.services import advice


def refresh_advice(report: Report, *, dataset_id: int) -> dict[str, object] | None:
    """Look at the dataset as it stands, renew what its picks gained and its advice; None if it is gone."""
    dataset = Dataset.objects.filter(pk=dataset_id).first()
    if dataset is None:
        return None
    report(Progress("comparing picked with random labels", 0, 2))
    chance.measure(dataset)
    report(Progress("advising", 1, 2))
    given = advice.refresh_advice(dataset, timezone.now())
    return {"advice": [row.action for row in given]}
