"""Decides when open batches are put in the order of a newer model."""

from datetime import datetime

from django.db.models import QuerySet

from labeling.models import Dataset, LabelProject, PredictionSet
from labeling.services import reranking
from labeling.services.connection import connection
from trainer.services import registry
from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job
from workbench.services.versions import SCORE

RERANK = "labeling.jobs.rerank"
OPEN = (Job.State.QUEUED, Job.State.RUNNING)


class NothingToOrder(Exception):
    """There is no open batch, or no current model with an opinion of it; the message says which."""


def tend(now: datetime) -> None:
    """Have the open batches follow the current model versions; each order is asked for once.

    A job that failed is for people to look at: they start it again from its page, or by `manage.py rerank`.
    """
    for project, said in _stale():
        if Job.objects.filter(work=SCORE, params__version_id=_version(project), state__in=OPEN).exists():
            continue  # it is just speaking of all pictures: wait for that
        asked = Job.objects.filter(
            work=RERANK, params__project_id=project.pk, params__prediction_set_id=said.pk
        )
        tried = asked.filter(created_at__gte=project.reranked_at or project.created_at)
        if not tried.exists():
            start_rerank(project, said)


def start_reranks(dataset: Dataset, *, requested_by: str = "") -> list[Job]:
    """Put all open batches of the dataset in the order of its current model; raises NothingToOrder."""
    said = _spoken(dataset)
    if said is None:
        raise NothingToOrder(f"{dataset} has no current model version that has scored its pictures.")
    found = [project for project in _open_projects().filter(dataset=dataset) if not project.blind]
    if not found:
        raise NothingToOrder(f"{dataset} has no open batch that may follow a model.")
    return [start_rerank(project, said, requested_by=requested_by) for project in found]


def start_rerank(project: LabelProject, said: PredictionSet, *, requested_by: str = "") -> Job:
    return submit(
        RERANK,
        f"Order the queue of {project} by {said.model_version}"[:200],
        requested_by=requested_by,
        dedupe_key=f"rerank:{project.pk}:{said.pk}",
        priority=1,
        project_id=project.pk,
        prediction_set_id=said.pk,
    )


def _version(project: LabelProject) -> int | None:
    standing = registry.current(project.dataset)
    return standing.pk if standing else None


def _stale() -> list[tuple[LabelProject, PredictionSet]]:
    found = []
    for project in _open_projects().filter(blind=False, held_at=None):
        said = _spoken(project.dataset)
        if said is not None and reranking.is_stale(project, said):
            found.append((project, said))
    return found


def _open_projects() -> QuerySet[LabelProject]:
    link = connection()
    here = LabelProject.objects.filter(closed_at=None, server_url=link.name if link else "")
    return here.select_related("dataset").order_by("pk")


def _spoken(dataset: Dataset) -> PredictionSet | None:
    """Return what the current version says of the dataset's pictures; None before it spoke."""
    standing = registry.current(dataset)
    if standing is None:
        return None
    return dataset.prediction_sets.filter(source=registry.source(standing)).first()
