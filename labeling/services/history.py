"""All that was ever said: one event for each change of an annotation, written with it and never changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import F, Value

from labeling.models import Annotation, AnnotationEvent, LabelProject
from labeling.services import rows

COLUMNS = (
    "annotation_id",
    "kind",
    "annotator_id",
    "said",
    "skipped",
    "lead_time_s",
    "parent_prediction",
    "proposal_changed",
    "happened_at",
    "recorded_at",
)
MAX_SAID = 200  # letters


class Event(NamedTuple):
    """One event, in the order of COLUMNS."""

    annotation_id: int
    kind: str
    annotator_id: int | None
    said: str
    skipped: bool
    lead_time_s: float | None
    parent_prediction: int | None
    proposal_changed: bool | None
    happened_at: datetime
    recorded_at: datetime


def write(events: Sequence[Event]) -> None:
    """Append these events; call it in the transaction that changes the annotations."""
    if events:
        stored = rows.storing()
        told = [(*event[:-2], *map(stored, event[-2:])) for event in events]
        rows.insert(AnnotationEvent, COLUMNS, told)


def write_created(project: LabelProject, ids: Sequence[int], but: Sequence[int], now: datetime) -> None:
    """Append the creation of these annotations of the project, given ascending, from their own rows.

    Not of those in `but`, whose word their row does not tell.  The database copies them by itself: half of
    what the rows would cost.  Call it where nobody else takes annotations of the project.
    """
    if not ids:
        return
    fresh = Annotation.objects.filter(pk__gte=ids[0], pk__lte=ids[-1])
    if not isinstance(ids, range):  # others may have drawn some of these numbers
        fresh = fresh.filter(task__project=project)
    told = {
        "annotation_id": F("pk"),
        "kind": Value("created"),
        "said": F("label"),
        "happened_at": F("updated_at"),
    }
    columns: list[Any] = [
        told.get(name, F(name) if name != "recorded_at" else Value(now)) for name in COLUMNS
    ]
    rows.copy(AnnotationEvent, COLUMNS, fresh.exclude(pk__in=but).order_by("pk").values_list(*columns))


def record(annotation: Annotation, kind: str, *, happened_at: datetime, now: datetime) -> None:
    """Append what happened to one annotation, as it stands now."""
    write([event_of(annotation, kind, happened_at=happened_at, now=now)])


def event_of(annotation: Annotation, kind: str, *, happened_at: datetime, now: datetime) -> Event:
    return Event(
        annotation.pk,
        kind,
        annotation.annotator_id,
        annotation.label[:MAX_SAID],
        annotation.skipped,
        annotation.lead_time_s,
        annotation.parent_prediction,
        annotation.proposal_changed,
        happened_at,
        now,
    )
