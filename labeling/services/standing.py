"""What we hold of a Label Studio project, read at once and without an object a row."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from labeling.label_studio.shapes import Vote
from labeling.models import Annotation, LabelProject, LabelTask
from labeling.services import rows
from labeling.services.history import Event

LOT = 5000  # ids a statement
_TEXT = Cast("updated_at", TextField())  # a time costs SQLite's reader 2.5 us


class Task(NamedTuple):
    """One of our tasks that Label Studio holds."""

    ls_task_id: int
    pk: int
    sample_id: int
    item: str  # the picture's content key
    proposed: str


class Row(NamedTuple):
    """One of our annotations that came from Label Studio."""

    task_pk: int
    ls_id: int
    pk: int
    updated_at: datetime  # UTC, without the zone
    deleted: bool
    annotator_id: int | None
    label: str
    skipped: bool
    superseded: bool
    lead_time_s: float | None
    parent_prediction: int | None
    proposal_changed: bool | None

    def says(self, vote: Vote, who: int | None, label: str, superseded: bool) -> bool:
        """Say whether the row tells this vote already."""
        return (
            self.updated_at == vote.updated_at.replace(tzinfo=None)
            and not self.deleted
            and self.annotator_id == who
            and self.label == label
            and self.superseded == superseded
            and self.skipped == vote.skipped
            and self.lead_time_s == vote.lead_time_s
        )

    def event(self, kind: str, happened_at: datetime, now: datetime) -> Event:
        return Event(
            self.pk,
            kind,
            self.annotator_id,
            self.label,
            bool(self.skipped),
            self.lead_time_s,
            self.parent_prediction,
            None if self.proposal_changed is None else bool(self.proposal_changed),
            happened_at,
            now,
        )


@dataclass(frozen=True)
class Held:
    """Tasks and annotations of a project by Label Studio's ids."""

    tasks: dict[int, Task]
    rows: dict[int, dict[int, Row]]  # our task's primary key -> Label Studio's annotation id -> row
    merged: set[int] = field(default_factory=set)  # Label Studio's ids of tasks that changed here since

    @classmethod
    def of(cls, project: LabelProject, ls_ids: Sequence[int] | None = None) -> "Held":
        """Read these tasks of the project, or all that stand there."""
        tasks = {row[0]: Task(*row) for row in _tasks(project, ls_ids)}
        found: dict[int, dict[int, Row]] = defaultdict(dict)
        chosen = None if ls_ids is None else [task.pk for task in tasks.values()]
        for task_pk, ls_id, pk, updated, deleted, *rest in _annotations(project, chosen):
            found[task_pk][ls_id] = Row(task_pk, ls_id, pk, rows.moment(updated), deleted is not None, *rest)
        return cls(tasks, found)

    def refresh(self, project: LabelProject, ls_ids: Sequence[int]) -> None:
        """Read those of these tasks anew that were merged since, and count all of them as merged."""
        stale = [ls_id for ls_id in ls_ids if ls_id in self.merged]
        if stale:
            fresh = Held.of(project, stale)
            self.tasks.update(fresh.tasks)
            self.rows.update({task.pk: fresh.rows.get(task.pk, {}) for task in fresh.tasks.values()})
        self.merged.update(ls_ids)

    def task(self, ls_id: int, item: str) -> Task | None:
        """Return our task of this id.

        The picture's key must agree too: Label Studio gives the ids of deleted tasks again.
        """
        found = self.tasks.get(ls_id)
        return found if found is not None and found.item == item else None

    def rows_of(self, task: Task) -> Mapping[int, Row]:
        return self.rows.get(task.pk, {})


def _tasks(project: LabelProject, ls_ids: Sequence[int] | None) -> Iterator[Sequence[Any]]:
    ours = LabelTask.objects.filter(project=project).order_by()
    columns = ("ls_task_id", "pk", "sample_id", "sample__key", "proposed")
    for some in _lots("ls_task_id", ls_ids):
        yield from _raw(ours.filter(some, ls_task_id__isnull=False).values_list(*columns))


def _annotations(project: LabelProject, task_pks: Sequence[int] | None) -> Iterator[Sequence[Any]]:
    columns = ("task_id", "ls_annotation_id", "pk", _TEXT, "deleted_at", "annotator_id", "label")
    more = ("skipped", "superseded", "lead_time_s", "parent_prediction", "proposal_changed")
    theirs = Annotation.objects.filter(ls_annotation_id__isnull=False).order_by()
    if task_pks is None:
        theirs = theirs.filter(task__project=project, task__ls_task_id__isnull=False)
    for some in _lots("task", task_pks):
        yield from _raw(theirs.filter(some).values_list(*columns, *more))


def _lots(name: str, values: Sequence[int] | None) -> Iterator[Q]:
    if values is None:
        yield Q()
        return
    for start in range(0, len(values), LOT):
        yield Q(**{f"{name}__in": values[start : start + LOT]})


def _raw(query: QuerySet[Any, Any]) -> Iterator[Sequence[Any]]:
    """Yield the rows as the database gives them: turning 100,000 texts into times costs 0.5 s of CPU."""
    sql, params = query.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        yield from cursor.fetchall()
