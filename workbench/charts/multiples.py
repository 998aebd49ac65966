"""Recall of every class against its own labels: one small chart each, the worst class first."""

from collections.abc import Sequence
from typing import Any

from trainer.curves.outlook import Outlook
from workbench.charts import curve as curves
from workbench.charts import frame
from workbench.charts.frame import FORECAST, INK, MEASURED, RULE, Info, Option, per_cent, percent

ROOM = 1.3  # of an axis, beyond its first and last number
MOST = 24  # drawn charts; the table holds every class


def classes_info(classes: Sequence[tuple[str, Outlook]]) -> Info:
    """Return each class's curve, ascending in recall at most labels; those without test items come last."""
    infos = [curves.curve_info(outlook, label=name) for name, outlook in classes]
    ordered = sorted(infos, key=lambda info: (now(info) is None, now(info)))
    return {"classes": ordered, "summary": _summary(ordered)}


def now(info: Info) -> float | None:
    """Return the mean recall at most labels, None where nothing was measured."""
    return info["sizes"][-1]["mean"] if info["sizes"] else None


def _summary(ordered: Sequence[Info]) -> str:
    measured = [info for info in ordered if info["sizes"]]
    if not measured:
        return "No training has been measured class by class yet."
    worst, best = measured[0], measured[-1]
    if worst is best:
        return str(worst["summary"])
    if now(worst) == now(best):
        return f"All {len(measured)} classes have a recall of {percent(now(worst) or 0)} with most labels."
    return (
        f"Of {len(measured)} classes “{worst['label']}” is recalled worst, {percent(now(worst) or 0)} of its "
        f"{worst['n_test']} test items with {worst['labels']} labels, and “{best['label']}” best, "
        f"{percent(now(best) or 0)} of {best['n_test']}."
    )


def classes_option(info: Info, *, dark: bool = False) -> Option:
    """Return small charts in one: grid k, its axes and title are of class k; the page lays them out."""
    shown = [one for one in info["classes"] if one["sizes"]][:MOST]
    option = frame.blank(info["summary"], dark)
    small = {"color": INK[dark], "fontSize": 11}
    option |= {"grid": [], "title": [], "xAxis": [], "yAxis": [], "series": [], "legend": {"show": False}}
    for k, one in enumerate(shown):
        axis: Option = {"gridIndex": k, "splitLine": {"lineStyle": {"color": RULE[dark]}}}
        crooked = {"showMinLabel": False, "showMaxLabel": False}  # the ends of the axis are
        option["grid"].append({"outerBoundsMode": "same"})
        option["title"].append(_title(one, dark))
        across = {**axis, "axisLabel": {**small, "hideOverlap": True, **crooked}}
        option["xAxis"].append({**across, **_ends(one), "type": "log", "logBase": 4})
        up = {"type": "value", "min": 0, "max": 100, "interval": 50, "axisLabel": small}
        option["yAxis"].append({**axis, **up})
        option["series"] += [{**line, "xAxisIndex": k, "yAxisIndex": k} for line in _series(one, k, dark)]
    return option


def _ends(one: Info) -> dict[str, float]:
    n = [max(row["n"], 1) for row in (*one["sizes"], *one["forecast"])]
    return {"min": min(n) / ROOM, "max": max(n) * ROOM}


def _title(one: Info, dark: bool) -> Option:
    return {
        "text": one["label"],
        "subtext": f"n = {one['n_test']} test items",
        "textStyle": {"fontSize": 13, "fontWeight": 600, "color": INK[dark], "overflow": "truncate"},
        "subtextStyle": {"fontSize": 11, "color": INK[dark]},
        "itemGap": 2,
    }


def _series(one: Info, k: int, dark: bool) -> list[Option]:
    """What was measured, the median ahead, and its band."""
    ahead = [
        [row["n"], *(per_cent(row[end]) for end in ("median", "low", "high"))] for row in one["forecast"]
    ]
    if not ahead:
        return [_measured(one, dark)]
    return [*_band(ahead, k, dark), _measured(one, dark), _median(ahead, dark)]


def _measured(one: Info, dark: bool) -> Option:
    return {
        **{"type": "line", "name": "Recall", "symbol": "diamond", "symbolSize": 7, "color": MEASURED[dark]},
        "dimensions": ["Labels of it", "Recall %", "95 % interval from", "to"],
        "encode": {"x": 0, "y": 1, "tooltip": [0, 1, 2, 3]},
        "data": [
            [size["n"], *(per_cent(size[end]) for end in ("mean", "low", "high"))] for size in one["sizes"]
        ],
    }


def _median(ahead: list[list[Any]], dark: bool) -> Option:
    return {
        **{"type": "line", "name": "Forecast", "showSymbol": False, "symbol": "triangle"},
        **{"color": FORECAST[dark], "lineStyle": {"type": "dashed"}, "data": ahead},
        "dimensions": ["Labels of it", "Forecast %", "90 % band from", "to"],
        "encode": {"x": 0, "y": 1, "tooltip": [0, 1, 2, 3]},
    }


def _band(ahead: list[list[Any]], k: int, dark: bool) -> list[Option]:
    quiet = {"type": "line", "stack": f"band {k}", "silent": True, "symbol": "none", "color": FORECAST[dark]}
    quiet |= {"lineStyle": {"opacity": 0}}
    area = {"color": FORECAST[dark], "opacity": 0.18}
    return [
        {**quiet, "name": "lower edge", "data": [[row[0], row[2]] for row in ahead]},
        {**quiet, "name": "90 % band", "data": [[row[0], round(row[3] - row[2], 2)] for row in ahead]}
        | {"areaStyle": area},
    ]
