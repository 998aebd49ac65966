"""What the pages and the JSON API show of a dataset's annotators, their agreement and the consensus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from labeling.consensus import cohen, measures, table
from labeling.consensus.cohen import Pair
from labeling.consensus.measures import Estimate, Measures
from labeling.models import Annotator, Dataset, Settlement
from labeling.services import annotators, opinions
from labeling.services.annotators import Record, Tally
from trainer.engine import intervals
from workbench.views.contexts.figures import Figure, Interval
from workbench.views.contexts.runs import ConfusionRow, confusion_rows

PAIRS = 20  # of people, those who share the most samples


@dataclass(frozen=True)
class Share:
    """How often something was so, with Wilson's 95 % interval, or a bootstrap's over samples."""

    share: Interval
    n: int


@dataclass(frozen=True)
class Kappa:
    """Agreement beyond chance with its 95 % interval: 1 is perfect, 0 is chance."""

    kappa: Figure
    n: int


@dataclass(frozen=True)
class MeasureRow:
    """How far people agree on one class against all the others; name "" is overall."""

    name: str
    percent: Share | None  # of a class: that a second person says it too
    fleiss: Kappa | None  # only where all samples have as many opinions
    alpha: Kappa | None


@dataclass(frozen=True)
class PairRow:
    first: str
    second: str
    percent: Share
    kappa: Kappa | None
    classes: tuple[Kappa | None, ...]  # in the order of the classes


@dataclass(frozen=True)
class SettlementRow:
    """How the labels of samples with several opinions were settled last."""

    method: str
    asked: str
    note: str
    source: str
    samples: int
    changed: int
    standing: int  # labels that it still settles: their opinions are the same
    created_at: datetime


@dataclass(frozen=True)
class PersonRow:
    name: str
    simulated: bool
    note: str
    labels: int
    skipped: int
    timed: int  # labels whose time was measured
    median_s: float | None
    trimmed_s: float | None  # mean without the fastest and the slowest tenth
    others: Share | None  # agreement with most of the others, the own opinion left out
    gold: Share | None  # agreement with the imported label
    changed: Share | None  # model's proposals that were changed
    quality: float | None  # how far the method trusts the person
    confusion: tuple[ConfusionRow, ...]  # rows: what most of the others say


@dataclass(frozen=True)
class AnnotatorsPage:
    everybody: bool  # else only the person who looks
    classes: tuple[str, ...]
    people: tuple[PersonRow, ...]
    shared: int  # samples with two people's opinions or more
    agreement: tuple[MeasureRow, ...]  # overall first; empty where nothing is shared
    pairs: tuple[PairRow, ...]
    settlement: SettlementRow | None

    @property
    def confused(self) -> bool:
        """Whether anybody has a confusion to show."""
        return any(one.confusion for one in self.people)


def annotators_page(dataset: Dataset, only: str | None) -> AnnotatorsPage:
    """Return the page for one who may see everybody, or for the annotator with the address `only`.

    Deterministic: its bootstraps have a fixed seed.
    """
    given = table.build(opinions.people(dataset), dataset.classes)
    said, k = given.said, len(given.classes)
    measured = measures.agreement(said, k, np.random.default_rng(0))
    pairs = cohen.pairs(said, k, np.random.default_rng(0), PAIRS) if only is None else ()
    return AnnotatorsPage(
        everybody=only is None,
        classes=given.classes,
        people=people(dataset, only),
        shared=int((given.votes > 1).sum()),
        agreement=_measure_rows(given.classes, (measured.overall, *measured.classes)) if measured else (),
        pairs=_pair_rows(pairs, given.people),
        settlement=_settlement(dataset),
    )


def people(dataset: Dataset, only: str | None) -> tuple[PersonRow, ...]:
    latest = dataset.settlements.first()
    quality = latest.quality if latest else {}
    return tuple(
        _person(one, tuple(dataset.classes), quality)
        for one in annotators.records(dataset)
        if only is None or one.person.email == only
    )


def _person(one: Record, classes: tuple[str, ...], quality: Mapping[str, float]) -> PersonRow:
    return PersonRow(
        name=one.person.email,
        simulated=one.person.simulated,
        note=one.person.note,
        labels=one.labels,
        skipped=one.skipped,
        timed=one.lead.n if one.lead else 0,
        median_s=one.lead.median_s if one.lead else None,
        trimmed_s=one.lead.trimmed_s if one.lead else None,
        others=_share(one.others),
        gold=_share(one.gold),
        changed=_share(one.proposals),
        quality=quality.get(str(one.person.pk)),
        confusion=confusion_rows(classes, one.confusion.tolist()) if one.others.n else (),
    )


def _share(found: Tally) -> Share | None:
    if not found.n:
        return None
    return Share(Interval(*intervals.wilson(found.hits, found.n)), found.n)


def _percent(found: Estimate | None) -> Share | None:
    return found and Share(Interval(found.value, found.low, found.high), found.n)


def _kappa(found: Estimate | None) -> Kappa | None:
    return found and Kappa(Figure(found.value, found.low, found.high), found.n)


def _measure_rows(classes: tuple[str, ...], found: tuple[Measures, ...]) -> tuple[MeasureRow, ...]:
    return tuple(
        MeasureRow(name, _percent(one.percent), _kappa(one.fleiss), _kappa(one.alpha))
        for name, one in zip(("", *classes), found, strict=True)
    )


def _pair_rows(pairs: tuple[Pair, ...], ids: tuple[int, ...]) -> tuple[PairRow, ...]:
    emails = dict(Annotator.objects.filter(pk__in=ids).values_list("pk", "email"))
    names = [emails.get(pk, "an account that is gone") for pk in ids]
    return tuple(
        PairRow(
            names[one.first],
            names[one.second],
            Share(Interval(*one.percent[:3]), one.percent.n),
            _kappa(one.kappa),
            tuple(_kappa(found) for found in one.classes),
        )
        for one in pairs
    )


def _settlement(dataset: Dataset) -> SettlementRow | None:
    found = dataset.settlements.first()
    if found is None:
        return None
    by_method = dataset.samples.filter(label_method=found.method)
    return SettlementRow(
        method=Settlement.Method(found.method).label,
        asked=found.asked,
        note=found.note,
        source=found.source,
        samples=found.samples,
        changed=found.changed,
        standing=found.samples if found.method == Settlement.Method.MAJORITY else by_method.count(),
        created_at=found.created_at,
    )
