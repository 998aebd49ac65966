"""What pages see of a curve: its points and stored forecasts, overall and by class.  Nothing is fitted."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from labeling.models import Dataset
from trainer.curves import outlook
from trainer.curves.outlook import Law, Outlook, Point, Quantiles
from trainer.models import Curve, CurveCell, Forecast

METRICS = ("accuracy", "balanced_accuracy", "macro_f1")
RECALL = "recall"  # of one class, against that class's labels


@dataclass(frozen=True)
class Training:
    """One training of a curve and what it took."""

    key: str
    n: int
    repeat: int
    seed: int
    metrics: Mapping[str, Any]
    receipt: Mapping[str, Any]


def outlook_of(curve: Curve, metric: str = "accuracy", label: str = "") -> Outlook:
    """Return everything that is shown of the curve in one metric, as far as its trainings are done.

    With a `label`, that is the recall of this class against the number of its own labels.
    """
    cells = list(curve.cells.order_by("n", "repeat"))
    row = curve.forecasts.filter(metric=RECALL if label else metric, label=label).first()
    forecast = _forecast(row) if row else None
    if not label:
        return Outlook(metric, curve.n_test, tuple(points(cells, metric)), forecast)
    classes = curve.dataset.classes
    seen = tuple(class_points(cells, classes, label))
    return Outlook(RECALL, _tested(cells, classes, label), seen, forecast)


def class_outlooks(curve: Curve) -> tuple[tuple[str, Outlook], ...]:
    """Return the outlook of every class, in the dataset's order."""
    cells = list(curve.cells.order_by("n", "repeat"))
    rows = {row.label: row for row in curve.forecasts.filter(metric=RECALL)}
    classes = curve.dataset.classes
    return tuple(
        (
            name,
            Outlook(
                RECALL,
                _tested(cells, classes, name),
                tuple(class_points(cells, classes, name)),
                _forecast(rows[name]) if name in rows else None,
            ),
        )
        for name in classes
    )


def trainings(curve: Curve) -> tuple[Training, ...]:
    """Return the curve's finished trainings with their receipts, small ones first."""
    return tuple(
        Training(cell.key, cell.n, cell.repeat, cell.seed, cell.metrics, cell.receipt)
        for cell in curve.cells.order_by("n", "repeat")
    )


def counts(dataset: Dataset) -> dict[int, int]:
    """Return how many trainings each of the dataset's curves has; curves without any are left out."""
    pairs = Curve.cells.through.objects.filter(curve__dataset=dataset).order_by()
    return dict(pairs.values_list("curve_id").annotate(Count("pk")))


def comparable(curve: Curve) -> tuple[Curve, ...]:
    """Return the dataset's other curves that were measured on the same labeled pictures, newest first."""
    others = curve.dataset.curves.exclude(pk=curve.pk).exclude(cells=None)
    return tuple(others.filter(test_set=curve.test_set).exclude(test_set="").distinct())


def class_points(cells: Iterable[CurveCell], classes: list[str], label: str) -> Iterator[Point]:
    """Yield a class's recall in each training against its labels there; nothing where it was not tested."""
    number = classes.index(label)
    for cell in cells:
        score = _class_score(cell, number)
        if label in cell.counts and score and score["recall"]:
            yield Point(cell.counts[label], cell.repeat, cell.seed, **score["recall"])


def averaged(points: Iterable[Point]) -> dict[int, list[float]]:
    """Return the values of all trainings by number of labels, ascending."""
    found: dict[int, list[float]] = defaultdict(list)
    for point in sorted(points):
        found[point.n].append(point.value)
    return dict(found)


def points(cells: Iterable[CurveCell], metric: str) -> Iterator[Point]:
    return (Point(cell.n, cell.repeat, cell.seed, **cell.metrics[metric]) for cell in cells)


def _tested(cells: list[CurveCell], classes: list[str], label: str) -> int:
    """Return how many test items of the class there are."""
    score = _class_score(cells[0], classes.index(label)) if cells else None
    return score["n"] if score else 0


def _class_score(cell: CurveCell, number: int) -> dict[str, Any] | None:
    """Return a class's part of a cell's metrics; None where the class came to the dataset later."""
    scores: list[dict[str, Any]] = cell.metrics.get("classes", [])
    return scores[number] if number < len(scores) else None


def _forecast(row: Forecast) -> outlook.Forecast:
    return outlook.Forecast(
        steps=outlook.read(row.grid),
        last_value=row.last_value,
        plateau=row.plateau,
        refused=row.refused,
        flags=tuple(row.flags),
        quantiles=Quantiles.from_json(row.quantiles) if row.quantiles else None,
        law=Law(**row.law) if row.law else None,
    )
