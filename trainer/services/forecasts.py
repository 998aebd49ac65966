"""Keeps forecasts as they were shown, scores them when labels come, and tells how well they did."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import transaction

from labeling.models import Dataset
from labeling.snapshot import Snapshot
from trainer.curves import guessing, outlook
from trainer.curves.outlook import REACH, Quantiles
from trainer.curves.recalibration import Past
from trainer.engine.intervals import Z95, wilson
from trainer.models import Curve, CurveCell, Forecast, ForecastScore
from trainer.services import outlooks

MEDIAN, LOW, HIGH = 0.5, 0.05, 0.95


@dataclass(frozen=True)
class Kept:
    """A forecast beside what it is of; label is a class for its recall, else ""."""

    metric: str
    label: str
    forecast: outlook.Forecast
    chance: float  # score of guessing
    widened: float  # by the dataset's own past forecasts


def record(curve: Curve, found: Sequence[Kept], now: datetime) -> bool:
    """Close the curve with its forecasts, as they are shown today.

    False if the curve was closed before; then nothing is kept.
    """
    with transaction.atomic():
        won = Curve.objects.filter(pk=curve.pk, finished_at=None).update(finished_at=now)
        if won:
            Forecast.objects.bulk_create(_row(curve, kept, now) for kept in found)
    return bool(won)


def _row(curve: Curve, kept: Kept, now: datetime) -> Forecast:
    forecast = kept.forecast
    return Forecast(
        curve=curve,
        metric=kept.metric,
        label=kept.label,
        grid=[step._asdict() for step in forecast.steps],
        quantiles=forecast.quantiles.to_json() if forecast.quantiles else None,
        law=forecast.law._asdict() if forecast.law else None,
        last_value=forecast.last_value,
        plateau=forecast.plateau,
        chance=kept.chance,
        widened=kept.widened,
        refused=forecast.refused,
        flags=list(forecast.flags),
        created_at=now,
    )


def chances(snapshot: Snapshot) -> dict[str, float]:
    """Return the score of guessing on the test items, by metric: it anchors a forecast."""
    return guessing.scores(np.bincount(snapshot.labels[snapshot.test_rows]).tolist())


@dataclass(frozen=True)
class Scored:
    """What was said of so many labels, and what it became; scores are fractions, the band is of 90 %."""

    said_at: datetime
    scored_at: datetime
    curve_id: int
    truth_id: int
    curve_name: str
    metric: str
    label: str
    n: int
    median: float
    low: float
    high: float
    last_value: float
    became: float
    trainings: int
    n_test: int

    @property
    def inside(self) -> bool:
        return self.low <= self.became <= self.high


@dataclass(frozen=True)
class Record:
    """How well n forecasts did, each curve's own figures correlated; fractions, intervals of 95 %."""

    n: int
    covered: int
    coverage: float
    coverage_low: float
    coverage_high: float
    bias: float  # mean of what it became less what was said; above 0: said too little
    bias_low: float | None  # None of one forecast alone
    bias_high: float | None
    error: float  # mean absolute error of the median
    last_value_error: float  # of saying that the last value stays


def score_with(curve: Curve, now: datetime) -> int:
    """Score what earlier curves of the same kind and test set said of the sizes that this one measured.

    A forecast is scored once for each number of labels, beyond its largest and within its reach; returns how
    many scores that gave.
    """
    earlier = Curve.objects.filter(
        dataset=curve.dataset_id,
        test_set=curve.test_set,
        tier=curve.tier,
        weights=curve.weights,
        pk__lt=curve.pk,
    ).exclude(test_set="")
    rows = Forecast.objects.filter(curve__in=earlier, quantiles__isnull=False).select_related("curve")
    cells = list(curve.cells.order_by("n", "repeat"))
    alike = [row for row in rows if row.curve.kind == curve.kind]
    made = [score for row in alike for score in _scores(row, curve, cells, now)]
    before = ForecastScore.objects.count()
    ForecastScore.objects.bulk_create(made, ignore_conflicts=True)
    return ForecastScore.objects.count() - before


def _scores(
    row: Forecast, truth: Curve, cells: Sequence[CurveCell], now: datetime
) -> Iterator[ForecastScore]:
    assert row.quantiles is not None  # those without were left out
    said = Quantiles.from_json(row.quantiles)
    known = row.curve.cells.values_list("n", "counts")
    last = max((counts.get(row.label, 0) if row.label else n for n, counts in known), default=0)
    for n, values in _measured(row, truth, cells).items():
        if not last < n <= REACH * last:
            continue
        median, low, high = (said.at(n, share) for share in (MEDIAN, LOW, HIGH))
        yield ForecastScore(
            forecast=row,
            truth=truth,
            n=n,
            median=median,
            low=low,
            high=high,
            became=sum(values) / len(values),
            trainings=len(values),
            scored_at=now,
        )


def _measured(row: Forecast, truth: Curve, cells: Sequence[CurveCell]) -> Mapping[int, list[float]]:
    if row.label and row.label not in truth.dataset.classes:
        return {}
    if row.label:
        points = outlooks.class_points(cells, truth.dataset.classes, row.label)
    else:
        points = outlooks.points(cells, row.metric)
    return outlooks.averaged(points)


def scored(dataset: Dataset) -> tuple[Scored, ...]:
    """Return every scored forecast of the dataset, newest first."""
    rows = ForecastScore.objects.filter(forecast__curve__dataset=dataset).select_related("forecast__curve")
    return tuple(_scored(row) for row in rows)


def _scored(row: ForecastScore) -> Scored:
    said, curve = row.forecast, row.forecast.curve
    return Scored(
        said_at=said.created_at,
        scored_at=row.scored_at,
        curve_id=curve.pk,
        truth_id=row.truth_id,
        curve_name=curve.name,
        metric=said.metric,
        label=said.label,
        n=row.n,
        median=row.median,
        low=row.low,
        high=row.high,
        last_value=said.last_value,
        became=row.became,
        trainings=row.trainings,
        n_test=curve.n_test,
    )


def track_record(rows: Sequence[Scored]) -> Record | None:
    """Return how well these forecasts did, None without any.

    The intervals take the forecasts for independent, which those of one curve are not: read them as the
    least that is unsure.
    """
    if not rows:
        return None
    became, said = (np.array([getattr(row, name) for row in rows]) for name in ("became", "median"))
    last = np.array([row.last_value for row in rows])
    gaps = became - said
    half = float(Z95 * gaps.std(ddof=1) / np.sqrt(len(rows))) if len(rows) > 1 else None
    covered = sum(row.inside for row in rows)
    coverage = wilson(covered, len(rows))
    return Record(
        n=len(rows),
        covered=covered,
        coverage=coverage.value,
        coverage_low=coverage.low,
        coverage_high=coverage.high,
        bias=float(gaps.mean()),
        bias_low=None if half is None else float(gaps.mean()) - half,
        bias_high=None if half is None else float(gaps.mean()) + half,
        error=float(np.abs(gaps).mean()),
        last_value_error=float(np.abs(became - last).mean()),
    )


def past(dataset: Dataset, metric: str) -> list[Past]:
    """Return the scored forecasts by which new ones of this metric are recalibrated."""
    rows = ForecastScore.objects.filter(forecast__curve__dataset=dataset, forecast__metric=metric)
    figures = rows.values_list("became", "median", "low", "high", "forecast__widened")
    return [Past(*row) for row in figures]
