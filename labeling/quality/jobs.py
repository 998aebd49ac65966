"""Label and picture issues in the background.

cleanlab is imported inside: with pandas it takes 1.4 s and 84 MB.
"""

from django.utils import timezone

from labeling.models import Dataset, LabelIssue, PredictionSet
from labeling.progress import Progress, Report
from labeling.services import inspection, reviews


def find_issues(report: Report, *, dataset_id: int, prediction_set_id: int) -> dict[str, object] | None:
    """Write the labels that are likely wrong; None where the dataset or the predictions are gone.

    The predictions must be out-of-fold: of models that never saw the labels of the samples they judge.
    """
    dataset = Dataset.objects.filter(pk=dataset_id).first()
    predictions = PredictionSet.objects.filter(pk=prediction_set_id, dataset=dataset_id).first()
    if dataset is None or predictions is None:
        return None
    report(Progress("reading labels", 0, 2))
    case = reviews.open_case(dataset, predictions)
    if case is None:
        return {"issues": 0, "note": "The predictions are of other classes: run the cross-validation again."}
    report(Progress("weighing labels", 1, 2))
    from labeling.quality import issues

    found = issues.find(case.labels, case.probs, dataset.classes)
    now, ids = timezone.now(), case.ids.tolist()
    rows = [
        LabelIssue(
            sample_id=ids[one.row],
            given=dataset.classes[one.given],
            proposed=dataset.classes[one.proposed],
            score=one.score,
            confidence=one.confidence,
            reason=one.reason,
            source=predictions.source,
            created_at=now,
        )
        for one in found
    ]
    kept = reviews.record(dataset, rows)
    report(Progress("written", 2, 2))
    return {"labels": len(ids), "issues": len(rows), "open": kept}


def inspect_pictures(report: Report, *, dataset_id: int) -> dict[str, object] | None:
    """Measure the pictures that were not measured yet and write what is odd; None where the dataset is gone.

    Safe to repeat: it goes on from the last lot that was kept.
    """
    dataset = Dataset.objects.filter(pk=dataset_id).first()
    if dataset is None:
        return None
    measured = inspection.look(dataset, report)
    report(Progress("comparing pictures", 0, 1))
    counts = inspection.judge(dataset, timezone.now())
    report(Progress("written", 1, 1))
    return {"measured": measured, "open": sum(counts.values()), **counts}
