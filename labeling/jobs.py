"""The slow work of this room: what a job does; when it runs is decided above."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from django.utils import timezone

from labeling.label_studio.shapes import StudioError
from labeling.models import Dataset, LabelProject, PredictionSet, SelectionRound
from labeling.progress import Report
from labeling.services import exchange, holdout, pictures, reranking, restoring, reviews
from labeling.services.connection import connection

if TYPE_CHECKING:
    from labeling.label_studio.client import Studio

LABELS_FILE = "labels.csv"


def import_folder(
    report: Report,
    *,
    dataset_id: int,
    folder: str,
    labels_csv: str = "",
    test_share: float = 0.2,
    keep_labels: Literal["all", "test"] = "all",
    classes: list[str] | None = None,
) -> dict[str, int] | None:
    """Import a folder; its own labels.csv counts where no other CSV is named.

    `classes` name the classes of a dataset that has none and gets no labels either.
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
        classes=classes or (),
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


def push(report: Report, *, round_id: int) -> dict[str, int] | None:
    """Send a round's samples to Label Studio; safe to repeat.  None where the round is gone."""
    chosen = SelectionRound.objects.filter(pk=round_id).first()
    if chosen is None:
        return None
    with _studio() as studio:
        try:
            project = exchange.push_round(chosen, studio, timezone.now(), report)
        except StudioError as error:
            exchange.tell(chosen.dataset, error)
            raise
    return {"project_id": project.pk, "tasks": chosen.tasks.standing().count()}


def sync(report: Report, *, dataset_id: int) -> dict[str, int] | None:
    """Fetch the annotations of a dataset from all its projects; None where the dataset is gone.

    The first labels that suffice draw the test split of a dataset that has none (holdout.draw_test).  What
    reviewers said decides the label issues that they were asked about (reviews.judge).
    """
    dataset = Dataset.objects.filter(pk=dataset_id).first()
    if dataset is None:
        return None
    with _studio() as studio:
        try:
            pulled = [
                exchange.pull_annotations(project, studio, timezone.now(), report)
                for project in exchange.open_projects(dataset, studio)
            ]
        except StudioError as error:
            exchange.tell(dataset, error)
            raise
    holdout.draw_test(dataset)
    reviews.judge(dataset, timezone.now())
    return {
        "created": sum(p.merged.created for p in pulled),
        "updated": sum(p.merged.updated for p in pulled),
        "deleted": sum(p.merged.deleted for p in pulled),
        "removed_tasks": sum(p.removed for p in pulled),
    }


def rerank(report: Report, *, project_id: int, prediction_set_id: int) -> dict[str, object] | None:
    """Put a project's open tasks in the order of these predictions; None where one of both is gone."""
    project = LabelProject.objects.select_related("dataset").filter(pk=project_id, closed_at=None).first()
    said = PredictionSet.objects.filter(pk=prediction_set_id).first()
    if project is None or said is None:
        return None
    with _studio() as studio:
        tasks = reranking.rerank(project, said, studio, timezone.now(), report)
    return {"tasks": tasks, "model_version": said.model_version}


def keep_ours(report: Report, *, project_id: int) -> dict[str, int] | None:
    """Let what Label Studio forgot count on (restoring.keep_ours); None where the project is gone."""
    project = LabelProject.objects.select_related("dataset").filter(pk=project_id).first()
    if project is None:
        return None
    with _studio() as studio:
        return {"kept": restoring.keep_ours(project, studio, timezone.now(), report)}


def follow_theirs(report: Report, *, project_id: int) -> dict[str, int] | None:
    """Go on from what Label Studio holds (restoring.follow_theirs); None where the project is gone."""
    project = LabelProject.objects.select_related("dataset").filter(pk=project_id).first()
    if project is None:
        return None
    with _studio() as studio:
        restoring.follow_theirs(project, studio)
        pulled = exchange.pull_annotations(project, studio, timezone.now(), report)
    return {"deleted": pulled.merged.deleted, "removed_tasks": pulled.removed}


def _studio() -> "Studio":
    from labeling.label_studio.client import Studio

    found = connection()
    if found is None:
        raise StudioError("There is no Label Studio yet: `manage.py up` starts it.", permanent=True)
    return Studio(found.url, found.api_key, embedded=found.embedded)
