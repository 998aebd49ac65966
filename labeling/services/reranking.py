"""The open batch in the order of a newer model: what stands in Label Studio and nobody has labeled yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from django.db.models import Count, Q
from numpy.typing import NDArray

from labeling import selection
from labeling.label_studio import config
from labeling.label_studio.shapes import LOT, Ranked, StudioError
from labeling.models import LabelProject, LabelTask, PredictionSet, SelectionRound
from labeling.progress import Progress, Report
from labeling.services import candidates
from labeling.strategies import book, reasons
from labeling.strategies.book import Candidates, Chosen

if TYPE_CHECKING:
    from labeling.label_studio.client import Studio

STAGE = "Ranking the open batch anew"
SAID = Q(annotations__deleted_at=None, annotations__skipped=False, annotations__superseded=False)
SAID &= Q(annotations__ls_annotation_id__isnull=False)


class CannotRank(Exception):
    """The model cannot put this project in order; the message says why to a person."""


class Order(NamedTuple):
    """The open tasks of a project from first to last."""

    tasks: list[LabelTask]
    scores: NDArray[np.float64]  # (N,) rising
    proposals: list[str]  # "" where none is shown
    reasons: list[str]


def open_tasks(project: LabelProject) -> list[LabelTask]:
    """Return the project's tasks that lack opinions, in the order in which they were to be served."""
    standing = project.tasks.standing().filter(removed_at=None)
    counted = standing.annotate(opinions=Count("annotations", filter=SAID)).filter(
        opinions__lt=project.overlap
    )
    return list(counted.select_related("round").order_by("round_id", "rank"))


def is_stale(project: LabelProject, predictions: PredictionSet) -> bool:
    """Say whether an open task of the project is ranked by another model than this."""
    standing = (
        project.tasks.standing().filter(sample__label="").exclude(model_version=predictions.model_version)
    )
    return not project.blind and standing.exists()


def rerank(
    project: LabelProject, predictions: PredictionSet, studio: Studio, now: datetime, report: Report
) -> int:
    """Serve the project's open tasks by this model's doubts from now on; returns how many there are.

    Audit tasks and gold ones, and the rounds that were drawn at random, stand at random ranks and show no
    proposal.  Earlier predictions stay there and count no longer.  Who holds a task keeps it.  Safe to repeat
    after any failure: what was sent is not sent again.  Raises CannotRank, StudioError.
    """
    _check(project, predictions)
    tasks = open_tasks(project)
    if not tasks:
        return 0
    order = _order(project, tasks, predictions)
    _send(project, order, predictions, studio, report)
    studio.by_model(project.ls_id, predictions.model_version)
    _record(order, predictions)
    project.model_version, project.reranked_at = predictions.model_version, now
    project.save(update_fields=["model_version", "reranked_at"])
    return len(tasks)


def _check(project: LabelProject, predictions: PredictionSet) -> None:
    if project.blind:
        raise CannotRank(f"{project.title!r} is blind: its order must not follow a model.")
    if project.held_at is not None or project.closed_at is not None:
        raise CannotRank(f"{project.title!r} stands still or was deleted in Label Studio: {project.error}")
    if predictions.dataset_id != project.dataset_id:
        raise CannotRank(f"{predictions.model_version} speaks of another dataset than {project.title!r}.")


def _order(project: LabelProject, tasks: Sequence[LabelTask], predictions: PredictionSet) -> Order:
    ids = sorted({task.sample_id for task in tasks})
    read, classes = candidates.read(project.dataset, ids, candidates.Known(predictions, None))
    place = {pk: row for row, pk in enumerate(ids)}
    rows = np.array([place[task.sample_id] for task in tasks])
    probs, drawn = read.probs[rows], np.array([_is_drawn(task) for task in tasks])
    doubt = _doubts(probs, [task.round.strategy for task in tasks])
    rng = np.random.default_rng([project.pk, predictions.pk])
    chosen = selection.reorder(doubt, drawn, rng)
    ranked = [tasks[row] for row in chosen.rows.tolist()]
    return Order(
        ranked,
        selection.scores(doubt[chosen.rows], chosen.audit),
        _proposals(project, probs[chosen.rows], classes, chosen.audit),
        _reasons(ranked, probs[chosen.rows], chosen.audit, classes),
    )


def _is_drawn(task: LabelTask) -> bool:
    """Say whether chance put the task where it stands: no model may move it."""
    return task.audit or task.gold or task.round.strategy == SelectionRound.Strategy.RANDOM


def _doubts(probs: NDArray[np.float64], strategies: Sequence[str]) -> NDArray[np.float64]:
    """Return each row's doubt by its round's own measure, by margin where that is none; NaN if unseen."""
    doubt = np.full(len(probs), np.nan)
    measured = np.array([name if name in book.DOUBTS else "margin" for name in strategies])
    seen = ~np.isnan(probs).any(axis=1)
    for name, measure in book.DOUBTS.items():
        rows = seen & (measured == name)
        if rows.any():
            doubt[rows] = measure(probs[rows])
    return doubt


def _proposals(
    project: LabelProject, probs: NDArray[np.float64], classes: Sequence[str], drawn: NDArray[np.bool_]
) -> list[str]:
    known = set(project.dataset.classes)
    said = []
    for row, hidden in zip(probs, drawn.tolist(), strict=True):
        best = "" if hidden or np.isnan(row).any() else classes[int(row.argmax())]
        said.append(best if best in known else "")
    return said


def _reasons(
    tasks: Sequence[LabelTask], probs: NDArray[np.float64], drawn: NDArray[np.bool_], classes: Sequence[str]
) -> list[str]:
    """Return why each task stands where it does; what chance put there keeps its sentence."""
    none = np.empty((len(probs), 0), dtype=np.float32)
    said: dict[int, str] = {}
    for name in {task.round.strategy for task in tasks}:
        rows = np.array([n for n, task in enumerate(tasks) if task.round.strategy == name])
        known = ~np.isnan(probs[rows]).any(axis=1)
        alone = np.ones(len(rows), dtype=np.int64)
        doubt = np.full(len(rows), np.nan)
        chosen = Chosen(rows=rows, audit=drawn[rows], groups=alone, doubt=doubt, known=known)
        by = name if name in book.DOUBTS else "margin"
        told = reasons.sentences(by, Candidates(probs, none, none[:0]), chosen, classes)
        said.update(zip(rows.tolist(), told, strict=True))
    return [task.reason if drawn[n] else said[n] for n, task in enumerate(tasks)]


def _send(
    project: LabelProject, order: Order, predictions: PredictionSet, studio: Studio, report: Report
) -> None:
    version, classes = predictions.model_version, project.dataset.classes
    there = studio.ranked_by(project.ls_id, version)
    wanted = [
        Ranked(task.ls_task_id or 0, config.prediction(classes, proposed, float(score), version))
        for task, score, proposed in zip(order.tasks, order.scores, order.proposals, strict=True)
        if task.ls_task_id not in there
    ]
    for start in range(0, len(wanted), LOT):
        report(Progress(STAGE, start, len(wanted)))
        studio.rank(project.ls_id, wanted[start : start + LOT])
    missing = {task.ls_task_id for task in order.tasks} - studio.ranked_by(project.ls_id, version)
    if missing:
        raise StudioError(
            f"Of {len(order.tasks)} open tasks {len(missing)} have no score of {version} in Label Studio.",
            permanent=False,
        )


def _record(order: Order, predictions: PredictionSet) -> None:
    """Write the order down; each round's open tasks share out the ranks that they had."""
    free: Mapping[int, list[int]] = {
        pk: sorted((task.rank for task in order.tasks if task.round_id == pk), reverse=True)
        for pk in {task.round_id for task in order.tasks}
    }
    told = (order.scores.tolist(), order.proposals, order.reasons)
    for task, score, proposed, reason in zip(order.tasks, *told, strict=True):
        task.score, task.proposed, task.reason = score, proposed, reason
        task.rank, task.model_version = free[task.round_id].pop(), predictions.model_version
    LabelTask.objects.bulk_update(
        order.tasks, ["rank", "score", "proposed", "reason", "model_version"], batch_size=200
    )
