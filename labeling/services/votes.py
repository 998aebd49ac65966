"""Label Studio's annotations as rows of ours: many changed tasks at a time, in few statements."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction

from labeling.label_studio.shapes import ChangedTask, Vote
from labeling.models import Annotation, AnnotationEvent, Annotator, ClassChange, LabelProject, LabelTask
from labeling.services import history, rows
from labeling.services.history import Event
from labeling.services.standing import Held, Row, Task

LOT = 500  # rows a statement
Kind = AnnotationEvent.Kind
LABEL_STUDIO = Annotation.Source.LABEL_STUDIO.value


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
        ls_ids = [c.ls_id for c in changed]
        if held is not None:
            held.refresh(project, ls_ids)
        known = held or Held.of(project, ls_ids)
        people = _people({v.user_id for c in changed for v in c.votes}, emails)
        found = _Changes(now)
        words = _words(project)
        for theirs in changed:
            task = known.task(theirs.ls_id, theirs.item)
            if task is not None:
                found.compare(theirs, task, known.rows_of(task), people, words)
        found.write(project)
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


FIXED = ("id", "sample_id", "task_id", "source", "ls_annotation_id", "created_at", "decides")
COLUMNS = (  # that may change
    *("annotator_id", "label", "skipped", "superseded", "lead_time_s", "from_proposal"),
    *("proposal_changed", "parent_prediction", "updated_at", "deleted_at"),
)


class Opinion(NamedTuple):
    """A vote in our terms."""

    task: Task
    vote: Vote
    annotator_id: int | None
    label: str
    superseded: bool

    def columns(self, stored: Callable[[datetime], Any]) -> tuple[Any, ...]:
        """Return what COLUMNS shall say."""
        vote, parent = self.vote, self.vote.parent_prediction
        changed = None if parent is None else self.proposal_changed
        return (
            *(self.annotator_id, self.label, vote.skipped, self.superseded, vote.lead_time_s),
            *(parent is not None, changed, parent, stored(vote.updated_at), None),
        )

    @property
    def proposal_changed(self) -> bool | None:
        """Whether the proposal it began from was changed; None where it began from none, or nobody knows.

        Label Studio's editor says it; of what came by its API the answer is compared with what we proposed.
        """
        vote, proposed = self.vote, self.task.proposed
        if vote.parent_prediction is None:
            return None
        if vote.origin.startswith("prediction"):
            return vote.origin == "prediction-changed"
        return vote.choices != (proposed,) if proposed else None

    def event(self, pk: int, kind: str, now: datetime) -> Event:
        """Return what the history shall say of the annotation with our primary key `pk`."""
        vote, said = self.vote, "; ".join(self.vote.choices)[: history.MAX_SAID]
        return Event(
            *(pk, kind, self.annotator_id, said, vote.skipped, vote.lead_time_s),
            *(vote.parent_prediction, self.proposal_changed, vote.updated_at, now),
        )


@dataclass
class _Changes:
    """What differs, collected over many tasks and written at once."""

    now: datetime
    new: list[Opinion] = field(default_factory=list)
    other: list[tuple[int, Opinion]] = field(default_factory=list)  # our primary key first
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
            late = newest is not None and vote.user_id is not None and newest[vote.user_id] is not vote
            opinion = Opinion(task, vote, who, _label(vote, words), late)
            row = ours.get(vote.ls_id)
            if row is None:
                self.new.append(opinion)
            elif not row.says(vote, who, opinion.label, late):
                self._change(row, opinion)
        if ours:
            self._lose(theirs, ours)

    def _change(self, row: Row, opinion: Opinion) -> None:
        self.other.append((row.pk, opinion))
        if row.deleted or row.updated_at != opinion.vote.updated_at.replace(tzinfo=None):
            kind = Kind.RESTORED if row.deleted else Kind.EDITED
            self.events.append(opinion.event(row.pk, kind, self.now))

    def _lose(self, theirs: ChangedTask, ours: Mapping[int, Row]) -> None:
        standing = {vote.ls_id for vote in theirs.votes}
        for ls_id, row in ours.items():
            if ls_id not in standing and not row.deleted:
                self.gone.append(row.pk)
                self.events.append(row.event(Kind.DELETED, theirs.updated_at, self.now))

    def write(self, project: LabelProject) -> None:
        stored = rows.storing()
        if self.new:
            self._write_new(project, stored)
        if self.other:
            told = ((*opinion.columns(stored), pk) for pk, opinion in self.other)
            rows.update(Annotation, COLUMNS, told)
        if self.gone:
            rows.update(Annotation, ("deleted_at",), [(stored(self.now), pk) for pk in self.gone])
        history.write(self.events)

    def _write_new(self, project: LabelProject, stored: Callable[[datetime], Any]) -> None:
        ids = rows.reserve(Annotation, len(self.new))
        told = (
            (
                *(pk, one.task.sample_id, one.task.pk, LABEL_STUDIO, one.vote.ls_id),
                *(stored(one.vote.created_at), False, *one.columns(stored)),
            )
            for pk, one in zip(ids, self.new, strict=True)
        )
        rows.insert(Annotation, (*FIXED, *COLUMNS), told, unique=("task_id", "ls_annotation_id"))
        odd = {pk: o for pk, o in zip(ids, self.new, strict=True) if o.vote.choices != (o.label,)}
        history.write_created(project, ids, list(odd), self.now)
        self.events += [opinion.event(pk, Kind.CREATED, self.now) for pk, opinion in odd.items()]


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
