"""How forecasts fared: what was said against what it became, over time."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from workbench.charts import frame
from workbench.charts.frame import FORECAST, HELD_OUT, INK, MEASURED, Info, Option


class Miss(NamedTuple):
    """One scored forecast: what it became less its median, and less the last value; above 0: too little."""

    at: datetime
    forecast: float
    last_value: float
    of: str  # the figure
    inside: bool  # it became what the 90 % band held


def misses_info(misses: Sequence[Miss]) -> Info:
    """Return the misses in order of time with bias and coverage of all up to each, as fractions."""
    ordered = sorted(misses, key=lambda miss: miss.at)
    total, covered, rows = 0.0, 0, []
    for count, miss in enumerate(ordered, 1):
        total += miss.forecast
        covered += miss.inside
        so_far = {"bias": total / count, "coverage": covered / count}
        rows.append({**miss._asdict(), "at": miss.at.isoformat(), **so_far})
    if not rows:
        return {"misses": [], "summary": "No forecast has been scored yet."}
    bias = 100 * rows[-1]["bias"]
    way = "too low" if bias > 0 else "too high"
    return {
        "misses": rows,
        "summary": (
            f"{len(rows)} scored forecast{'s' * (len(rows) > 1)}: {abs(bias):.1f} points {way} on average, "
            f"{covered} in the 90 % band."
        ),
    }


def misses_option(info: Info, *, dark: bool = False) -> Option:
    """Return each miss over time beside that of the last value, and bias and coverage so far."""
    option = frame.blank(info["summary"], dark)
    option["xAxis"] |= {"type": "value", "name": "Scored forecasts, the oldest first", "minInterval": 1}
    option["xAxis"] |= {"min": 0, "max": len(info["misses"]) + 1, "splitLine": {"show": False}}
    option["yAxis"] |= {"type": "value", "name": "Became less said (points)", "scale": True}
    shares = {"type": "value", "name": "In the band (%)", "min": 0, "max": 100, "splitLine": {"show": False}}
    left = option["yAxis"]
    shares["nameTextStyle"] = {**left["nameTextStyle"], "align": "right"}
    option["yAxis"] = [left, {**left, "scale": False, **shares}]

    told = {
        "dimensions": ["Number", "Points", "Of", "Scored"],
        "encode": {"x": 0, "y": 1, "tooltip": [2, 1, 3]},
    }
    zero = {"silent": True, "symbol": "none", "label": {"show": False}, "data": [{"yAxis": 0}]}
    option["series"] = [
        {
            "type": "scatter",
            "name": "Forecast",
            "symbol": "circle",
            "symbolSize": 9,
            "data": _column(info, "forecast"),
        }
        | {"itemStyle": {"color": FORECAST[dark], "opacity": 0.7}},
        {**told, "type": "scatter", "name": "Last value", "symbol": "rect", "symbolSize": 8}
        | {"itemStyle": {"color": INK[dark], "opacity": 0.7}, "data": _column(info, "last_value")},
        {**told, "type": "line", "name": "Bias so far", "symbol": "none", "color": MEASURED[dark]}
        | {"data": _column(info, "bias"), "markLine": zero | {"lineStyle": {"color": INK[dark]}}},
        {**told, "type": "line", "name": "Coverage so far", "symbol": "none", "color": HELD_OUT[dark]}
        | {"data": _column(info, "coverage"), "yAxisIndex": 1, "lineStyle": {"type": "dashed"}},
    ]
    return option


def _column(info: Info, name: str) -> list[list[object]]:
    rows = enumerate(info["misses"], 1)
    return [[number, round(100 * row[name], 2), row["of"], row["at"][:10]] for number, row in rows]
