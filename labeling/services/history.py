"""All that was ever said: one event for each change of an annotation, written with it and never changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from labeling.models import Annotation, AnnotationEvent
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
    rows.insert(AnnotationEvent, COLUMNS, events)


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
