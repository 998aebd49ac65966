"""How each annotator of a dataset does: how much, how fast, and how far the others bear him out."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from django.db.models import F
from numpy.typing import NDArray

from labeling.consensus import reliability, table
from labeling.models import Annotation, Annotator, Dataset
from labeling.services import opinions
from labeling.services.pace import TRIMMED


class Tally(NamedTuple):
    """How often something was so."""

    hits: int
    n: int


@dataclass(frozen=True)
class LeadTime:
    """Seconds from opening a task to submitting it, over the n annotations that tell."""

    n: int
    median_s: float
    trimmed_s: float  # mean without the fastest and the slowest tenth: pauses and slips


@dataclass(frozen=True, eq=False)
class Record:
    """One annotator's work on a dataset, his standing opinions alone except for skips."""

    person: Annotator
    labels: int
    skipped: int
    lead: LeadTime | None  # None where Label Studio measured none
    others: Tally  # opinions that most of the others share, of those on which most others agree
    gold: Tally  # opinions equal to the imported label, of those on samples that have one
    proposals: Tally  # model's proposals that were changed, of those that an opinion began from
    confusion: NDArray[np.int64]  # (K, K) what most of the others say down, what this person says across


def records(dataset: Dataset) -> tuple[Record, ...]:
    """Return all who judged samples of the dataset, the busiest first."""
    work = _work(dataset)
    people = Annotator.objects.in_bulk(work)
    confusions = _confusions(dataset)
    gold, k = _gold(dataset), len(dataset.classes)
    none = np.zeros((k, k), dtype=np.int64)
    found = [_record(people[who], rows, gold, confusions.get(who, none)) for who, rows in work.items()]
    return tuple(sorted(found, key=lambda one: (-one.labels, one.person.email)))


class _Judgement(NamedTuple):
    sample: int
    label: str
    skipped: bool
    lead_time_s: float | None
    proposed: str  # "" where the opinion did not begin from a proposal


def _work(dataset: Dataset) -> dict[int, list[_Judgement]]:
    """Return what each annotator did and stands by, skips too; labels of unknown classes are left out."""
    rows = Annotation.objects.filter(
        sample__dataset=dataset, annotator__isnull=False, deleted_at=None, superseded=False
    ).order_by("pk")
    work: dict[int, list[_Judgement]] = defaultdict(list)
    fields = ("annotator_id", "sample_id", "label", "skipped", "lead_time_s", "from_proposal")
    for who, sample, label, skipped, lead, began, proposed in rows.values_list(*fields, F("task__proposed")):
        if skipped or label in dataset.classes:
            work[who].append(_Judgement(sample, label, skipped, lead, (proposed or "") if began else ""))
    return work


def _gold(dataset: Dataset) -> dict[int, str]:
    """Return the imported label of each sample that has one; where imports differ it says nothing."""
    rows = Annotation.objects.standing().filter(
        sample__dataset=dataset, source=Annotation.Source.IMPORT, label__in=dataset.classes
    )
    said: dict[int, set[str]] = defaultdict(set)
    for sample, label in rows.values_list("sample_id", "label"):
        said[sample].add(label)
    return {sample: next(iter(labels)) for sample, labels in said.items() if len(labels) == 1}


def _confusions(dataset: Dataset) -> dict[int, NDArray[np.int64]]:
    given = table.build(opinions.people(dataset), dataset.classes)
    if not given.people:
        return {}
    found = reliability.among_others(given.said, len(given.classes))
    return dict(zip(given.people, found, strict=True))


def _record(
    person: Annotator, rows: Sequence[_Judgement], gold: Mapping[int, str], confusion: NDArray[np.int64]
) -> Record:
    judged = [row for row in rows if not row.skipped]
    checked = [row for row in judged if row.sample in gold]
    proposed = [row for row in judged if row.proposed]
    return Record(
        person=person,
        labels=len(judged),
        skipped=len(rows) - len(judged),
        lead=_lead(row.lead_time_s for row in judged),
        others=Tally(int(np.trace(confusion)), int(confusion.sum())),
        gold=Tally(sum(row.label == gold[row.sample] for row in checked), len(checked)),
        proposals=Tally(sum(row.label != row.proposed for row in proposed), len(proposed)),
        confusion=confusion,
    )


def _lead(seconds: Iterator[float | None]) -> LeadTime | None:
    known = np.sort([one for one in seconds if one is not None and one > 0])
    if not len(known):
        return None
    cut = int(TRIMMED * len(known))
    return LeadTime(len(known), float(np.median(known)), float(known[cut : len(known) - cut].mean()))
