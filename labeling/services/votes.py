"""Label Studio's annotations as rows of ours: a page of changed tasks at a time, in few statements."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from labeling.label_studio.shapes import ChangedTask, Vote
from labeling.models import Annotation, Annotator, LabelProject, LabelTask

LOT = 500  # rows a statement
FIELDS = ["annotator_id", "label", "skipped", "superseded", "lead_time_s", "from_proposal"]
FIELDS += ["updated_at", "deleted_at"]


@dataclass(frozen=True)
class Merged:
    """How many annotations are new here, changed here, and marked as deleted here."""

    created: int = 0
    updated: int = 0
    deleted: int = 0

    def __add__(self, other: "Merged") -> "Merged":
        return Merged(
            self.created + other.created, self.updated + other.updated, self.deleted + other.deleted
        )


def merge(
    project: LabelProject, changed: Sequence[ChangedTask], emails: Mapping[int, str], now: datetime
) -> Merged:
    """Make our annotations of these tasks equal to Label Studio's, and move the project's cursor past them.

    Tasks that are not ours are left alone.  What is gone there is marked as deleted here, never removed.
    """
    with transaction.atomic():
        locked = LabelProject.objects.select_for_update().get(pk=project.pk)  # one exchange at a time
        ours = _ours(project, changed)
        people = _people({v.user_id for c in changed for v in c.votes}, emails)
        gone = {(a.task_id, a.ls_annotation_id): a for a in _held(ours.values())}
        new, other = [], []
        classes = set(project.dataset.classes)
        for theirs in changed:
            if theirs.ls_id not in ours:
                continue
            task = ours[theirs.ls_id]
            for vote, wanted in _wanted(theirs, people, classes):
                row = gone.pop((task.pk, vote.ls_id), None)
                if row is None:
                    new.append(_row(task, vote, wanted))
                elif _changes(row, wanted):
                    other.append(row)
        deleted = [row for row in gone.values() if _changes(row, {"deleted_at": row.deleted_at or now})]
        Annotation.objects.bulk_create(new)
        Annotation.objects.bulk_update([*other, *deleted], FIELDS, batch_size=100)
        seen = [locked.cursor_at] if locked.cursor_at else []
        project.cursor_at = max([*seen, *(c.updated_at for c in changed)], default=None)
        project.save(update_fields=["cursor_at"])
    return Merged(len(new), len(other), len(deleted))


def mark_removed(tasks: Iterable[LabelTask], now: datetime) -> None:
    """Record that these tasks were deleted in Label Studio, and with them their annotations."""
    ids = [task.pk for task in tasks]
    with transaction.atomic():
        for lot in (ids[i : i + LOT] for i in range(0, len(ids), LOT)):
            LabelTask.objects.filter(pk__in=lot).update(removed_at=now, ls_task_id=None)
            Annotation.objects.filter(task__in=lot, deleted_at=None).update(deleted_at=now)


def _ours(project: LabelProject, changed: Sequence[ChangedTask]) -> dict[int, LabelTask]:
    """Return our rows by Label Studio's id.

    The picture's key must agree too: Label Studio gives the ids of deleted tasks again.
    """
    item = {c.ls_id: c.item for c in changed}
    rows = project.tasks.filter(ls_task_id__in=item).select_related("sample")
    return {row.ls_task_id: row for row in rows if row.ls_task_id and row.sample.key == item[row.ls_task_id]}


def _held(tasks: Collection[LabelTask]) -> Iterable[Annotation]:
    return Annotation.objects.filter(task__in=[task.pk for task in tasks])


def _people(ids: Collection[int | None], emails: Mapping[int, str]) -> dict[int, Annotator]:
    """Return the annotator behind each account; an account that is gone has none."""
    wanted = {emails[i]: i for i in ids if i is not None and i in emails}
    Annotator.objects.bulk_create((Annotator(email=e) for e in wanted), ignore_conflicts=True)
    found = {}
    for person in Annotator.objects.filter(email__in=wanted):
        found[wanted[person.email]] = person
        if person.ls_user_id != wanted[person.email]:
            person.ls_user_id = wanted[person.email]
            person.save(update_fields=["ls_user_id"])
    return found


def _wanted(
    theirs: ChangedTask, people: Mapping[int, Annotator], classes: Collection[str]
) -> Iterator[tuple[Vote, dict[str, Any]]]:
    """Yield each vote with what its row shall say; of one person's votes on a task the newest counts."""
    newest: dict[int, Vote] = {}
    for vote in sorted(theirs.votes, key=lambda v: (v.updated_at, v.ls_id)):
        if vote.user_id is not None:
            newest[vote.user_id] = vote
    for vote in theirs.votes:
        person = people.get(vote.user_id) if vote.user_id is not None else None
        one = vote.choices[0] if len(vote.choices) == 1 else ""
        yield (
            vote,
            {
                "annotator_id": person.pk if person else None,
                "label": one if one in classes and not vote.skipped else "",
                "skipped": vote.skipped,
                "superseded": vote.user_id is not None and newest[vote.user_id] is not vote,
                "lead_time_s": vote.lead_time_s,
                "from_proposal": vote.from_proposal,
                "updated_at": vote.updated_at,
                "deleted_at": None,
            },
        )


def _row(task: LabelTask, vote: Vote, wanted: Mapping[str, Any]) -> Annotation:
    return Annotation(
        sample_id=task.sample_id,
        task=task,
        source=Annotation.Source.LABEL_STUDIO,
        ls_annotation_id=vote.ls_id,
        created_at=vote.created_at,
        **wanted,
    )


def _changes(row: Annotation, wanted: Mapping[str, Any]) -> bool:
    """Set what differs; say whether anything did."""
    different = {name: value for name, value in wanted.items() if getattr(row, name) != value}
    for name, value in different.items():
        setattr(row, name, value)
    return bool(different)
