"""What to do when a Label Studio has forgotten: a server that was restored from an old copy.

Each project carries a mark there (labeling.label_studio.marks) that is raised with every exchange that
brought something.  Theirs is raised first: a crash in between leaves it ahead of ours, which tells nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from labeling.label_studio import marks
from labeling.label_studio.shapes import ChangedTask, Vote
from labeling.models import Annotation, AnnotationEvent, LabelProject, LabelTask
from labeling.progress import Progress, Report
from labeling.services import history, opinions

if TYPE_CHECKING:
    from labeling.label_studio.client import Studio

FORGOT = (
    "Label Studio has forgotten a part of the project {title!r}: its last exchange with Seedbed was number "
    "{mark}, and the server knows {theirs}. It was restored from an old copy, or somebody changed the "
    "project's description. Nothing was taken or sent since. Decide on the page of the connection: keep what "
    "Seedbed has, or follow the server."
)


class NotHeld(Exception):
    """The project does not stand still, so there is nothing to decide; the message says so to a person."""


def name_of(project: LabelProject) -> str:
    """Return what tells our project from one of another Seedbed that has the same numbers."""
    return f"{project.pk}-{int(project.created_at.timestamp() * 1e6)}"


def may_go_on(project: LabelProject, studio: Studio, now: datetime) -> bool:
    """Say whether the server remembers our last exchange; else let the project stand still."""
    if project.held_at is not None:
        return False
    found = studio.standing(project.ls_id)
    if found is None or project.mark == 0:  # gone altogether: the exchange closes it; or never marked
        return True
    theirs = marks.read(found.description, name_of(project))
    if theirs is not None and theirs >= project.mark:
        return True
    known = "none" if theirs is None else f"{theirs} only"
    project.held_at = now
    project.error = FORGOT.format(title=project.title, mark=project.mark, theirs=known)
    project.save(update_fields=["held_at", "error"])
    return False


def raise_mark(project: LabelProject, studio: Studio) -> None:
    """Count one more exchange, there and then here."""
    found = studio.standing(project.ls_id)
    if found is None:
        return
    theirs = marks.read(found.description, name_of(project)) or 0
    mark = max(theirs, project.mark) + 1
    studio.describe(project.ls_id, marks.write(found.description, name_of(project), mark))
    project.mark = mark
    project.save(update_fields=["mark"])


def keep_ours(project: LabelProject, studio: Studio, now: datetime, report: Report) -> int:
    """Let what we hold count on; returns how many annotations the server had forgotten.

    What is missing there goes on counting here, apart from the server.  What it holds as it once was is made
    there again as it last was: edited, or deleted.  Tasks that it forgot are closed, and their pictures may
    be asked for again.  Raises NotHeld, StudioError; safe to repeat after any failure.
    """
    _require_held(project)
    theirs = _all(project, studio, report)
    kept = 0
    for task in project.tasks.standing().select_related("sample"):
        found = theirs.get(task.ls_task_id or 0)
        if found is not None and found.item != task.sample.key:
            found = None  # its number was given to another task since
        kept += _keep(task, found, studio, now)
    _go_on(project, studio)
    return kept


def follow_theirs(project: LabelProject, studio: Studio) -> None:
    """Let the exchange go on from what the server holds: what it forgot counts no longer.

    The next pull reads everything; the history keeps what was said.  Raises NotHeld, StudioError.
    """
    _require_held(project)
    project.cursor_at, project.seen = None, {}
    project.save(update_fields=["cursor_at", "seen"])
    _go_on(project, studio)


def _require_held(project: LabelProject) -> None:
    if project.held_at is None:
        raise NotHeld(f"The exchange with {project.title!r} goes on; there is nothing to decide.")


def _go_on(project: LabelProject, studio: Studio) -> None:
    raise_mark(project, studio)
    project.held_at, project.error = None, ""
    project.save(update_fields=["held_at", "error"])
    opinions.settle_labels(project.dataset)


def _all(project: LabelProject, studio: Studio, report: Report) -> dict[int, ChangedTask]:
    found: dict[int, ChangedTask] = {}
    for page in studio.changed_since(project.ls_id, None):
        report(Progress("Reading what Label Studio holds", len(found)))
        found.update({task.ls_id: task for task in page})
    return found


def _keep(task: LabelTask, theirs: ChangedTask | None, studio: Studio, now: datetime) -> int:
    """Bring one task's two sides together; returns how many annotations were missing there."""
    votes = {vote.ls_id: vote for vote in theirs.votes} if theirs else {}
    ours = {a.ls_annotation_id: a for a in task.annotations.filter(ls_annotation_id__isnull=False)}
    missing = [a for ls_id, a in ours.items() if ls_id not in votes and a.deleted_at is None]
    for ls_id, vote in votes.items():
        _give_back(ours.get(ls_id), vote, studio)
    with transaction.atomic():
        _detach(missing, now)
        if theirs is None:
            LabelTask.objects.filter(pk=task.pk).update(removed_at=now, ls_task_id=None)
    return len(missing)


def _give_back(ours: Annotation | None, vote: Vote, studio: Studio) -> None:
    """Make the annotation there what it last was, where the server holds an earlier state of it."""
    if ours is None or vote.updated_at >= ours.updated_at:
        return
    if ours.deleted_at is not None:
        studio.delete_annotation(vote.ls_id)
    else:
        studio.rewrite_annotation(vote.ls_id, ours.label, skipped=ours.skipped)


def _detach(missing: list[Annotation], now: datetime) -> None:
    """Let these count on without a counterpart there."""
    for annotation in missing:
        annotation.ls_annotation_id = None
    Annotation.objects.bulk_update(missing, ["ls_annotation_id"], batch_size=500)
    kind = AnnotationEvent.Kind.KEPT
    history.write([history.event_of(one, kind, happened_at=now, now=now) for one in missing])
