"""What the pages and the JSON API show of samples: cards, filters that live in the address, pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.core.paginator import Page, Paginator
from django.db.models import F, QuerySet

from labeling.models import Annotation, Dataset, LabelTask, Sample, Settlement
from workbench.forms import SampleFilter

PAGE_SIZE = 48  # divides by 2, 3, 4, 6, 8: full rows in every grid


@dataclass(frozen=True)
class SampleCard:
    id: int
    name: str
    split: str
    label: str
    predicted: str
    doubt: float | None
    width: int
    height: int

    @property
    def disputed(self) -> bool:
        return bool(self.label and self.predicted and self.label != self.predicted)


@dataclass(frozen=True)
class Opinion:
    """One annotation: who said what."""

    who: str
    simulated: bool
    label: str
    skipped: bool
    lead_time_s: float | None
    at: datetime


@dataclass(frozen=True)
class SamplePage:
    card: SampleCard
    settled_by: str  # the method that weighed the opinions, "" where the majority decided
    confidence: float | None  # of that method in its label, in [0, 1]
    key: str
    dataset_id: int
    dataset_name: str
    opinions: tuple[Opinion, ...]
    reasons: tuple[str, ...]  # why it was chosen to be labeled
    near_equals: tuple[SampleCard, ...]
    added_at: datetime


def card(sample: Sample) -> SampleCard:
    return SampleCard(
        sample.pk,
        sample.name,
        sample.split,
        sample.label,
        sample.predicted,
        sample.doubt,
        sample.width,
        sample.height,
    )


def cards(samples: Iterable[Sample]) -> tuple[SampleCard, ...]:
    return tuple(card(sample) for sample in samples)


def page_of(dataset: Dataset, chosen: SampleFilter, number: str | int) -> Page[Sample]:
    """Return one page of the samples that the filter leaves; a number out of range gives the nearest page."""
    return Paginator(chosen.narrow(Sample.objects.filter(dataset=dataset)), PAGE_SIZE).get_page(number)


def most_doubtful(dataset: Dataset, count: int) -> tuple[SampleCard, ...]:
    """Unlabeled samples that the last model was least sure of; just the first ones before any model."""
    pool: QuerySet[Sample] = Sample.objects.filter(dataset=dataset).pool()
    return cards(pool.order_by(F("doubt").desc(nulls_last=True), "pk")[:count])


def sample_page(sample: Sample) -> SamplePage:
    opinions = Annotation.objects.filter(sample=sample, deleted_at=None).select_related("annotator")
    twins = Sample.objects.filter(dataset=sample.dataset, duplicate_group=sample.duplicate_group)
    return SamplePage(
        card=card(sample),
        settled_by=Settlement.Method(sample.label_method).label if sample.label_method else "",
        confidence=sample.label_confidence,
        key=sample.key,
        dataset_id=sample.dataset.pk,
        dataset_name=sample.dataset.name,
        opinions=tuple(_opinion(a) for a in opinions.order_by("created_at")),
        reasons=tuple(LabelTask.objects.filter(sample=sample).values_list("reason", flat=True)),
        near_equals=cards(twins.exclude(pk=sample.pk)[:12]) if sample.duplicate_group else (),
        added_at=sample.added_at,
    )


def _opinion(annotation: Annotation) -> Opinion:
    person = annotation.annotator
    return Opinion(
        who=person.email if person else "import (class folder or CSV)",
        simulated=bool(person and person.simulated),
        label=annotation.label,
        skipped=annotation.skipped,
        lead_time_s=annotation.lead_time_s,
        at=annotation.created_at,
    )
