"""Label Studio's annotations as rows of ours: many changed tasks at a time, in few statements."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from labeling.label_studio.shapes import ChangedTask, Vote
from labeling.models import Annotation, AnnotationEvent, Annotator, ClassChange, LabelProject, LabelTask
from labeling.services import history, rows
from labeling.services.history import Event
from labeling.services.standing import Held, Row, Task

LOT = 500  # rows a statement
Kind = AnnotationEvent.Kind


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

    def __bool__(self) -> bool:
        return bool(self.created or self.updated or self.deleted)


def merge(
    project: LabelProject,
    changed: Sequence[ChangedTask],
    emails: Mapping[int, str],
    now: datetime,
    *,
    held: Held | None = None,
) -> Merged:
    """Make our annotations of these tasks equal to Label Studio's, and move the project's cursor past them.

    Tasks that are not ours are left alone.  What is gone there is marked as deleted here, never removed.
    Each change is an event in the history.  `held` is what we hold of the project, read before; else the
    rows of these tasks are read.
    """
    with transaction.atomic():
        locked = LabelProject.objects.select_for_update().get(pk=project.pk)  # one exchange at a time
        known = held or Held.of(project, [c.ls_id for c in changed])
        people = _people({v.user_id for c in changed for v in c.votes}, emails)
        found = _Changes(now)
        words = _words(project)
        for theirs in changed:
            task = known.task(theirs.ls_id, theirs.item)
            if task is not None:
                found.compare(theirs, task, known.rows_of(task), people, words)
        found.write()
        seen = [locked.cursor_at] if locked.cursor_at else []
        project.cursor_at = max([*seen, *(c.updated_at for c in changed)], default=None)
        project.save(update_fields=["cursor_at"])
    return Merged(len(found.new), len(found.other), len(found.gone))


def mark_removed(tasks: Iterable[LabelTask], now: datetime) -> None:
    """Record that these tasks were deleted in Label Studio, and with them their annotations."""
    ids = [task.pk for task in tasks]
    with transaction.atomic():
        for lot in (ids[i : i + LOT] for i in range(0, len(ids), LOT)):
            LabelTask.objects.filter(pk__in=lot).update(removed_at=now, ls_task_id=None)
            lost = Annotation.objects.filter(task__in=lot, deleted_at=None, ls_annotation_id__isnull=False)
            events = [history.event_of(one, Kind.DELETED, happened_at=now, now=now) for one in lost]
            lost.update(deleted_at=now)
            history.write(events)


class Said(NamedTuple):
    """What an annotation's row shall say: the columns that may change, in the order of COLUMNS."""

    annotator_id: int | None
    label: str
    skipped: bool
    superseded: bool
    lead_time_s: float | None
    from_proposal: bool
    proposal_changed: bool | None
    parent_prediction: int | None
    updated_at: datetime
    deleted_at: datetime | None


COLUMNS = Said._fields
FIXED = ("id", "sample_id", "task_id", "source", "ls_annotation_id", "created_at", "decides")


@dataclass
class _Changes:
    """What differs, collected over many tasks and written at once."""

    now: datetime
    new: list[tuple[Task, Vote, Said]] = field(default_factory=list)
    other: list[tuple[int, Said]] = field(default_factory=list)  # our primary key first
    gone: list[int] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def compare(
        self,
        theirs: ChangedTask,
        task: Task,
        ours: Mapping[int, Row],
        people: Mapping[int, int],
        words: Collection[str],
    ) -> None:
        newest = _newest(theirs.votes) if len(theirs.votes) > 1 else None
        for vote in theirs.votes:
            who = people.get(vote.user_id) if vote.user_id is not None else None
            label = _label(vote, words)
            late = newest is not None and vote.user_id is not None and newest[vote.user_id] is not vote
            row = ours.get(vote.ls_id)
            if row is None:
                self.new.append((task, vote, _said(vote, who, label, late, task)))
            elif not row.says(vote, who, label, late):
                said = _said(vote, who, label, late, task)
                self.other.append((row.pk, said))
                if row.deleted or row.updated_at != vote.updated_at.replace(tzinfo=None):
                    kind = Kind.RESTORED if row.deleted else Kind.EDITED
                    self.events.append(self._event(row.pk, kind, vote, said))
        if len(ours) > len(theirs.votes) or not ours.keys() <= {vote.ls_id for vote in theirs.votes}:
            self._lose(theirs, ours)

    def _lose(self, theirs: ChangedTask, ours: Mapping[int, Row]) -> None:
        standing = {vote.ls_id for vote in theirs.votes}
        for ls_id, row in ours.items():
            if ls_id not in standing and not row.deleted:
                self.gone.append(row.pk)
                self.events.append(row.event(Kind.DELETED, theirs.updated_at, self.now))

    def _event(self, pk: int, kind: str, vote: Vote, said: Said) -> Event:
        return Event(
            pk,
            kind,
            said.annotator_id,
            "; ".join(vote.choices)[: history.MAX_SAID],
            vote.skipped,
            vote.lead_time_s,
            vote.parent_prediction,
            said.proposal_changed,
            vote.updated_at,
            self.now,
        )

    def write(self) -> None:
        if self.new:
            ids = rows.reserve(Annotation, len(self.new))
            source = Annotation.Source.LABEL_STUDIO.value
            rows.insert(
                Annotation,
                (*FIXED, *COLUMNS),
                (
                    (pk, task.sample_id, task.pk, source, vote.ls_id, vote.created_at, False, *said)
                    for pk, (task, vote, said) in zip(ids, self.new, strict=True)
                ),
                unique=("task_id", "ls_annotation_id"),
            )
            self.events += [
                self._event(pk, Kind.CREATED, vote, said)
                for pk, (_, vote, said) in zip(ids, self.new, strict=True)
            ]
        if self.other:
            rows.update(Annotation, COLUMNS, ((*said, pk) for pk, said in self.other))
        if self.gone:
            rows.update(Annotation, ("deleted_at",), ((self.now, pk) for pk in self.gone))
        if self.events:
            history.write(self.events)


def _newest(votes: Sequence[Vote]) -> dict[int, Vote]:
    """Return each person's newest vote: of several on a task that one counts."""
    newest: dict[int, Vote] = {}
    for vote in sorted(votes, key=lambda v: (v.updated_at, v.ls_id)):
        if vote.user_id is not None:
            newest[vote.user_id] = vote
    return newest


def _words(project: LabelProject) -> set[str]:
    """Return the classes of today and of earlier: a late annotation may name one that was given up."""
    changes = ClassChange.objects.filter(dataset=project.dataset_id).values_list("before", flat=True)
    return {*project.dataset.classes, *(name for before in changes for name in before)}


def _label(vote: Vote, words: Collection[str]) -> str:
    if vote.skipped or len(vote.choices) != 1:
        return ""
    return vote.choices[0] if vote.choices[0] in words else ""


def _said(vote: Vote, who: int | None, label: str, superseded: bool, task: Task) -> Said:
    return Said(
        annotator_id=who,
        label=label,
        skipped=vote.skipped,
        superseded=superseded,
        lead_time_s=vote.lead_time_s,
        from_proposal=vote.parent_prediction is not None,
        proposal_changed=_proposal_changed(vote, task.proposed),
        parent_prediction=vote.parent_prediction,
        updated_at=vote.updated_at,
        deleted_at=None,
    )


def _proposal_changed(vote: Vote, proposed: str) -> bool | None:
    """Say whether the proposal it began from was changed; None where it began from none, or nobody knows.

    Label Studio's editor says it; of what came by its API the answer is compared with what we proposed.
    """
    if vote.parent_prediction is None:
        return None
    if vote.origin.startswith("prediction"):
        return vote.origin == "prediction-changed"
    return vote.choices != (proposed,) if proposed else None


def _people(ids: Collection[int | None], emails: Mapping[int, str]) -> dict[int, int]:
    """Return our annotator's id for each account; an account that is gone has none."""
    wanted = {emails[i]: i for i in ids if i is not None and i in emails}
    Annotator.objects.bulk_create((Annotator(email=e) for e in wanted), ignore_conflicts=True)
    found = {}
    for person in Annotator.objects.filter(email__in=wanted):
        found[wanted[person.email]] = person.pk
        if person.ls_user_id != wanted[person.email]:
            person.ls_user_id = wanted[person.email]
            person.save(update_fields=["ls_user_id"])
    return found


def strangers(changed: Iterable[ChangedTask], emails: Mapping[int, str]) -> Iterator[int]:
    """Yield the accounts behind these tasks' votes whose addresses are not known yet."""
    return (v.user_id for c in changed for v in c.votes if v.user_id is not None and v.user_id not in emails)
