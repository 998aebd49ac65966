"""Numbers to chart info (plain lists: the JSON API, the table and the CSV too), and info to ECharts options.

Options are plain JSON, no functions: a page needs no inline script.  Shares are fractions in an info and
per cent in an option.  Colors are those of Okabe & Ito, told apart by color-blind eyes; every series also
has a shape or a dash of its own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from trainer.curves import outlook
from trainer.curves.outlook import SHADE, Outlook

Info = dict[str, Any]
Option = dict[str, Any]

NEAR_ALL = 0.95  # a chart that comes so close ends at all
METRICS = {"accuracy": "Accuracy", "balanced_accuracy": "Balanced accuracy"}
BLUE, SKY, ORANGE, GREEN, RED = "#0072b2", "#56b4e9", "#e69f00", "#009e73", "#d55e00"
INK = {False: "#374151", True: "#d1d5db"}  # text on light and on dark ground, contrast above 7
RULE = {False: "#e5e7eb", True: "#374151"}  # lines of the grid
MEASURED = {False: BLUE, True: SKY}
FORECAST = {False: RED, True: ORANGE}
HELD_OUT = {False: GREEN, True: GREEN}


def curve_info(curve: Outlook, *, target: float | None = None) -> Info:
    """Return all that a curve's chart, table and API say; shares in [0, 1], up is good."""
    forecast = curve.forecast
    return {
        "metric": curve.metric,
        "n_test": curve.n_test,
        "labels": curve.largest,
        "points": [point._asdict() for point in sorted(curve.points)],
        "sizes": [size._asdict() for size in curve.sizes],
        "forecast": [{**step._asdict(), "shaded": step.n > SHADE * curve.largest} for step in curve.ahead],
        "last_value": forecast.last_value if forecast else None,
        "plateau": bool(forecast and forecast.plateau),
        "refused": forecast.refused if forecast else "",
        "flags": list(forecast.flags) if forecast else [],
        "target": target,
        "summary": curve_summary(curve),
    }


def curve_summary(curve: Outlook) -> str:
    """Return the curve in a sentence or two: what a screen reader says instead of the picture."""
    if not curve.points:
        return "No training of this curve has finished yet."
    first, last = curve.sizes[0], curve.sizes[-1]
    said = (
        f"{METRICS[curve.metric]} goes from {percent(first.mean)} with {first.n} labels to "
        f"{percent(last.mean)} with {last.n} labels, measured by {len(curve.points)} trainings on "
        f"{curve.n_test} test items."
    )
    if not curve.ahead:
        return f"{said} {curve.forecast.refused if curve.forecast else ''}".strip()
    double = outlook.nearest(curve.ahead, 2 * last.n)
    band = f"{percent(double.low)} to {percent(double.high)}"
    return f"{said} The forecast for {double.n} labels is {percent(double.median)} (90 % band: {band})."


def percent(share: float) -> str:
    """Return a share in [0, 1] as pages write it."""
    return f"{100 * share:.1f} %"


def curve_option(info: Info, *, dark: bool = False) -> Option:
    """Return the chart of `curve_info`: trainings, mean, forecast with band, last value, target."""
    name = METRICS[info["metric"]]
    option = frame(info["summary"], dark)
    option["xAxis"] |= {"type": "log", "logBase": 2, "name": "Labels in training (log scale)"}
    option["yAxis"] |= {"name": f"{name} (%), {info['n_test']} test items", "scale": True}
    if max([size["high"] for size in info["sizes"]], default=0) > NEAR_ALL:
        option["yAxis"]["max"] = 100  # ECharts would go on to 102 for a round step
    option["series"] = [
        *(_band(info, dark) if info["forecast"] else []),
        _trainings(info, dark),
        _mean(info, dark),
        *([_outlook(info, dark), _last_value(info, dark)] if info["forecast"] else []),
    ]
    if info["target"] is not None:
        option["series"][-1]["markLine"] = _target(info["target"], dark)
    option["legend"]["data"] = [
        {"name": "90 % band", "icon": "roundRect", "itemStyle": {"opacity": 0.35}}
        if series["name"] == "90 % band"
        else series["name"]
        for series in option["series"]
        if series["name"] != "lower edge"
    ]
    return option


def _band(info: Info, dark: bool) -> list[Option]:
    """The 90 % band ahead of the largest size: an invisible lower edge and the height stacked on it."""
    ahead = info["forecast"]
    low = [[step["n"], _percent(step["low"])] for step in ahead]
    height = [[step["n"], _percent(step["high"] - step["low"])] for step in ahead]
    quiet = {"type": "line", "stack": "band", "silent": True, "symbol": "none", "lineStyle": {"opacity": 0}}
    area = {"color": FORECAST[dark], "opacity": 0.18}
    return [
        {**quiet, "name": "lower edge", "data": low},
        {**quiet, "name": "90 % band", "data": height, "areaStyle": area, "color": FORECAST[dark]},
    ]


def _trainings(info: Info, dark: bool) -> Option:
    return {
        "name": "One training",
        "type": "scatter",
        "symbol": "circle",
        "symbolSize": 8,
        "itemStyle": {"color": MEASURED[dark], "opacity": 0.55},
        "dimensions": ["Labels", "%", "Seed"],
        "encode": {"x": 0, "y": 1, "tooltip": [0, 1, 2]},
        "data": [[point["n"], _percent(point["value"]), point["seed"]] for point in info["points"]],
    }


def _mean(info: Info, dark: bool) -> Option:
    return {
        "name": "Mean",
        "type": "line",
        "symbol": "diamond",
        "symbolSize": 11,
        "color": MEASURED[dark],
        "lineStyle": {"width": 2},
        "dimensions": ["Labels", "Mean %", "95 % interval from", "to", "Trainings"],
        "encode": {"x": 0, "y": 1, "tooltip": [0, 1, 2, 3, 4]},
        "data": [
            [size["n"], *(_percent(size[end]) for end in ("mean", "low", "high")), size["trainings"]]
            for size in info["sizes"]
        ],
    }


def _outlook(info: Info, dark: bool) -> Option:
    """The forecast's median, and where it gets unsure."""
    ahead = info["forecast"]
    shade = {"xAxis": SHADE * info["labels"], "name": f"beyond {SHADE}x: unsure"}
    return {
        "name": "Forecast",
        "type": "line",
        "symbol": "triangle",
        "symbolSize": 7,
        "color": FORECAST[dark],
        "lineStyle": {"type": "dashed", "width": 2},
        "dimensions": ["Labels", "Forecast %", "90 % band from", "to"],
        "encode": {"x": 0, "y": 1, "tooltip": [0, 1, 2, 3]},
        "data": [[s["n"], *(_percent(s[end]) for end in ("median", "low", "high"))] for s in ahead],
        "markArea": {
            "silent": True,
            "itemStyle": {"color": INK[dark], "opacity": 0.08},
            "label": {"color": INK[dark], "fontSize": 11, "position": "insideBottom"},
            "data": [[shade, {"xAxis": ahead[-1]["n"]}]],
        },
    }


def _last_value(info: Info, dark: bool) -> Option:
    """The simplest forecast, always beside the other one: accuracy stays where it is."""
    last = _percent(info["last_value"])
    return {
        "name": "Last value stays",
        "type": "line",
        "symbol": "rect",
        "showSymbol": False,
        "color": INK[dark],
        "lineStyle": {"type": "dotted", "width": 2},
        "data": [[info["labels"], last], [info["forecast"][-1]["n"], last]],
    }


def _target(target: float, dark: bool) -> Option:
    return {
        "silent": True,
        "symbol": "none",
        "lineStyle": {"color": GREEN, "type": "solid"},
        "label": {"formatter": f"target {percent(target)}", "position": "insideStartTop", "color": INK[dark]},
        "data": [{"yAxis": _percent(target)}],
    }


def _percent(share: float) -> float:
    return round(100 * share, 2)


def frame(summary: str, dark: bool) -> Option:
    """What all charts share: axes, legend, tooltip, a description for screen readers."""
    ink = {"color": INK[dark]}
    axis = {
        "axisLabel": {**ink, "hideOverlap": True},
        "axisLine": {"lineStyle": ink},
        "splitLine": {"lineStyle": {"color": RULE[dark]}},
        "nameTextStyle": ink,
    }
    return {
        "animation": False,
        "backgroundColor": "transparent",
        "textStyle": {"fontFamily": "inherit"},
        "aria": {"enabled": True, "label": {"description": summary}},
        "grid": {"left": 12, "right": 16, "top": 72, "bottom": 12, "outerBoundsMode": "same"},
        "legend": {"top": 0, "left": 0, "textStyle": ink, "itemWidth": 22},
        # text drawn on the canvas: names of classes come from users and never become HTML
        "tooltip": {"renderMode": "richText", "confine": True, "trigger": "item"},
        "xAxis": {**axis, "nameLocation": "middle", "nameGap": 28},
        "yAxis": {**axis, "nameLocation": "end", "nameTextStyle": {**ink, "align": "left"}},
    }


def run_history_info(history: Sequence[Mapping[str, float]]) -> Info:
    """Return what a chart of one training says; entries are {"step", "loss", "accuracy"}."""
    if not history:
        return {"history": [], "summary": "No step of this training has been reported yet."}
    last = history[-1]
    said = (
        f"Training loss {last['loss']:.3f} and accuracy {percent(last['accuracy'])} at step {last['step']}."
    )
    return {"history": [dict(entry) for entry in history], "summary": said}


def run_history_option(info: Info, *, dark: bool = False, validated: bool = False) -> Option:
    """Return the loss and the accuracy of one training on its own batches, and on what it held out.

    `validated` gives the line of the validation a place before its first point has come.
    """
    option = frame(info["summary"], dark)
    axis = option["yAxis"]
    option["tooltip"]["trigger"] = "axis"
    option["xAxis"] |= {"type": "value", "name": "Step"}
    option["yAxis"] = [
        {**axis, "name": "Loss (nats)", "min": 0},
        {**axis, "name": "Accuracy (%)", "min": 0, "max": 100, "splitLine": {"show": False}}
        | {"nameTextStyle": {**axis["nameTextStyle"], "align": "right"}},
    ]
    loss = [[entry["step"], round(entry["loss"], 4)] for entry in info["history"]]
    right = [[entry["step"], _percent(entry["accuracy"])] for entry in info["history"]]
    held = [
        [entry["step"], _percent(entry["validation_accuracy"])]
        for entry in info["history"]
        if entry.get("validation_accuracy") is not None
    ]
    line = {"type": "line", "showSymbol": False}
    option["series"] = [
        {**line, "name": "Loss", "symbol": "circle", "color": FORECAST[dark], "data": loss},
        {**line, "name": "Accuracy", "symbol": "diamond", "color": MEASURED[dark], "data": right}
        | {"yAxisIndex": 1, "lineStyle": {"type": "dashed"}},
    ]
    if held or validated:
        option["series"] += [
            {**line, "name": "Validation accuracy", "symbol": "triangle", "color": HELD_OUT[dark]}
            | {"data": held, "yAxisIndex": 1}
        ]
    return option
