"""What a learning curve says: points, means, forecast and sentences, as plain lists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from trainer.curves import outlook
from trainer.curves.outlook import REACH, SHADE, Outlook, Point, Size, Step
from workbench.charts import axis as axes
from workbench.charts.axis import Axis
from workbench.charts.frame import WORDS, Info, percent

Keys = Mapping[tuple[int, int], str]  # (repeat, seed) of a training, of any size -> its key


class Ceiling(NamedTuple):
    """What accuracy can be measured at all while some labels are wrong, with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int  # audited items


class Trace(NamedTuple):
    """A curve as it is laid over another one; one group shares a color and an entry of the legend."""

    id: int
    name: str
    group: str
    outlook: Outlook
    keys: Keys


@dataclass(frozen=True)
class View:
    """How a curve is looked at."""

    axis: Axis = axes.LABELS
    scale: str = "log"
    target: float | None = None  # a share
    ceiling: Ceiling | None = None
    cost: Axis | None = None  # a second axis over the labels
    overlays: Sequence[Trace] = ()


PLAIN = View()


def curve_info(curve: Outlook, view: View = PLAIN, *, keys: Keys | None = None, label: str = "") -> Info:
    """Return all that a curve's chart, table and API say; shares in [0, 1], up is good.

    label names the class where the metric is a class's recall; n then counts labels of that class.
    """
    forecast = curve.forecast
    return {
        "metric": curve.metric,
        "words": f"Recall of {label}" if label else WORDS[curve.metric],
        "label": label,
        "n_test": curve.n_test,
        "labels": curve.largest,
        **_traced(curve, view, keys or {}),
        "last_value": forecast.last_value if forecast else None,
        "plateau": bool(forecast and forecast.plateau),
        "refused": forecast.refused if forecast else "",
        "flags": list(forecast.flags) if forecast else [],
        "target": view.target,
        "ceiling": view.ceiling._asdict() if view.ceiling else None,
        "axis": {"name": view.axis.name, "words": view.axis.words, "per_label": view.axis.per_label},
        "scale": view.scale,
        "cost": {"words": view.cost.words, "per_label": view.cost.per_label} if view.cost else None,
        "overlays": [
            {"id": trace.id, "name": trace.name, "group": trace.group}
            | _traced(trace.outlook, view, trace.keys)
            for trace in view.overlays
        ],
        "summary": curve_summary(curve, label),
    }


def _traced(curve: Outlook, view: View, keys: Keys) -> Info:
    """Return what was measured and what is expected, each with its x."""
    axis, cost = view.axis, view.cost
    points = sorted(curve.points)
    named = [keys.get((point.repeat, point.seed), "") for point in points]
    x = [axis.of(point.n, key) for point, key in zip(points, named, strict=True)]
    return {
        "points": [
            {**point._asdict(), "key": key, "x": at} for point, key, at in zip(points, named, x, strict=True)
        ],
        "sizes": [{**size._asdict(), "x": _mean_x(size, points, x)} for size in curve.sizes],
        "forecast": [
            {**step._asdict(), "x": axis.at(step.n), "shaded": step.n > SHADE * curve.largest}
            | {"cost": cost.at(step.n) if cost else None}
            for step in within_reach(curve)
        ],
    }


def within_reach(curve: Outlook) -> list[Step]:
    """Return the forecast from the largest size on, as far as anything is said."""
    return [step for step in curve.ahead if step.n <= REACH * curve.largest]


def _mean_x(size: Size, points: Sequence[Point], x: Sequence[float | None]) -> float | None:
    known = [at for point, at in zip(points, x, strict=True) if point.n == size.n and at is not None]
    return round(sum(known) / len(known), 4) if known else None


def curve_summary(curve: Outlook, label: str = "") -> str:
    """Return the curve in a sentence or two: what a screen reader says instead of the picture."""
    if not curve.points:
        return "No training of this curve has finished yet."
    first, last = curve.sizes[0], curve.sizes[-1]
    said = (
        f"{f'Recall of {label}' if label else WORDS[curve.metric]} goes from {percent(first.mean)} with "
        f"{first.n} labels to {percent(last.mean)} with {last.n} labels, measured by "
        f"{len(curve.points)} training{'s' * (len(curve.points) > 1)} on {curve.n_test} test items."
    )
    ahead = within_reach(curve)
    if not ahead:
        return f"{said} {curve.forecast.refused if curve.forecast else ''}".strip()
    double = outlook.nearest(ahead, 2 * last.n)
    band = f"{percent(double.low)} to {percent(double.high)}"
    return f"{said} The forecast for {double.n} labels is {percent(double.median)} (90 % band: {band})."
