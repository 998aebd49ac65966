"""What the pages and the JSON API show of datasets: the list, and one dataset with everything about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from augment import catalog
from labeling.models import Dataset, ImportReport, Sample
from workbench.models import Advice
from workbench.services import advice
from workbench.services.dataset_jobs import open_jobs_of
from workbench.views.contexts import comparisons, curves, jobs, labels, registry, runs, samples
from workbench.views.contexts.comparisons import ComparisonRow
from workbench.views.contexts.curves import CurveCard
from workbench.views.contexts.jobs import JobRow
from workbench.views.contexts.labels import (
    AgreementRow,
    AnnotatorRow,
    ClassTable,
    LabelProgress,
    RoundRow,
    StudioState,
)
from workbench.views.contexts.registry import ModelCard
from workbench.views.contexts.runs import RunRow
from workbench.views.contexts.samples import SampleCard

SAMPLES_SHOWN = 16  # two full rows on a wide screen
RUNS_SHOWN = 8


@dataclass(frozen=True)
class DatasetRow:
    id: int
    name: str
    note: str
    classes: tuple[str, ...]
    samples: int
    pool: int
    labeled: int  # of the pool
    test: int
    open_advice: int
    created_at: datetime

    @property
    def share(self) -> float:
        return self.labeled / self.pool if self.pool else 0.0


@dataclass(frozen=True)
class AdviceCard:
    id: int
    adviser: str
    action: str
    because: str
    gain: float | None
    low: float | None
    high: float | None
    level: float | None
    n: int | None
    shown: bool
    labels: int | None
    starts: bool  # taking it starts something; else a person carries it out
    state: str
    created_at: datetime
    decided_at: datetime | None


@dataclass(frozen=True)
class ImportRow:
    id: int
    folder: str
    taken: int
    known: int
    refused: int
    noted: int
    created_at: datetime


@dataclass(frozen=True)
class DatasetPage:
    """What everybody sees of a dataset."""

    row: DatasetRow
    classes: ClassTable
    progress: LabelProgress
    rounds: tuple[RoundRow, ...]
    against_chance: str  # what picked labels gained over random ones, "" while it cannot be told
    annotators: tuple[AnnotatorRow, ...]
    agreement: AgreementRow | None  # None while no two people labeled the same sample
    studio: StudioState
    samples: tuple[SampleCard, ...]


@dataclass(frozen=True)
class ModelsPart:
    """What engineers see besides."""

    advice: tuple[AdviceCard, ...]
    decided: tuple[AdviceCard, ...]
    runs: tuple[RunRow, ...]
    more_runs: bool
    comparison: tuple[ComparisonRow, ...]
    curve: CurveCard | None
    model: ModelCard
    imports: tuple[ImportRow, ...]
    policies: tuple[str, ...]
    open_jobs: tuple[JobRow, ...]


def dataset_rows() -> tuple[DatasetRow, ...]:
    return tuple(_row(dataset) for dataset in _counted(Q()))


def dataset_row(dataset: Dataset) -> DatasetRow:
    return next(_row(found) for found in _counted(Q(pk=dataset.pk)))


def _counted(chosen: Q) -> list[Dataset]:
    test = Q(samples__split=Sample.Split.TEST)
    rows = Dataset.objects.filter(chosen).annotate(
        n_samples=Count("samples"),
        n_test=Count("samples", filter=test),
        n_labeled=Count("samples", filter=~test & ~Q(samples__label="")),
    )
    return list(rows.order_by("-created_at", "-pk"))


def _row(dataset: Dataset) -> DatasetRow:
    counted = vars(dataset)  # the annotations of _counted
    return DatasetRow(
        id=dataset.pk,
        name=dataset.name,
        note=dataset.note,
        classes=tuple(dataset.classes),
        samples=counted["n_samples"],
        pool=counted["n_samples"] - counted["n_test"],
        labeled=counted["n_labeled"],
        test=counted["n_test"],
        open_advice=Advice.objects.filter(dataset=dataset, state=Advice.State.OPEN).count(),
        created_at=dataset.created_at,
    )


def advice_cards(dataset: Dataset, *states: str) -> tuple[AdviceCard, ...]:
    rows = Advice.objects.filter(dataset=dataset, state__in=states)
    return tuple(advice_card(row) for row in rows)


def advice_card(row: Advice) -> AdviceCard:
    return AdviceCard(
        row.pk,
        row.adviser,
        row.action,
        row.because,
        row.gain,
        row.low,
        row.high,
        row.level,
        row.n,
        row.shown,
        row.labels,
        advice.starts_work(row),
        row.state,
        row.created_at,
        row.decided_at,
    )


def import_rows(dataset: Dataset) -> tuple[ImportRow, ...]:
    return tuple(
        ImportRow(r.pk, r.folder, r.taken, r.known, len(r.refused), len(r.noted), r.created_at)
        for r in ImportReport.objects.filter(dataset=dataset)
    )


def dataset_page(dataset: Dataset, only: str | None = None) -> DatasetPage:
    """Return what everybody sees; of annotators the one with the address `only`, where one is given."""
    return DatasetPage(
        row=dataset_row(dataset),
        classes=labels.class_table(dataset),
        progress=labels.label_progress(dataset),
        rounds=labels.rounds(dataset),
        annotators=labels.annotators(dataset, only),
        against_chance=labels.against_chance(dataset),
        agreement=labels.people_agree(dataset),
        studio=labels.studio_state(dataset),
        samples=samples.most_doubtful(dataset, SAMPLES_SHOWN),
    )


def models_part(dataset: Dataset) -> ModelsPart:
    rows = runs.run_rows(dataset)
    decided = advice_cards(dataset, Advice.State.TAKEN, Advice.State.DISMISSED)
    return ModelsPart(
        advice=advice_cards(dataset, Advice.State.OPEN),
        decided=tuple(reversed(decided))[:5],
        runs=rows[:RUNS_SHOWN],
        more_runs=len(rows) > RUNS_SHOWN,
        comparison=comparisons.latest_comparison(dataset),
        curve=curves.latest_card(dataset),
        model=registry.model_card(dataset),
        imports=import_rows(dataset),
        policies=tuple(catalog.NAMED),
        open_jobs=tuple(jobs.job_rows(open_jobs_of(dataset))),
    )
