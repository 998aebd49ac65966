"""A learning curve as a chart: trainings, means, forecast and band, last value, target, ceiling, others."""

from typing import Any

from trainer.curves.outlook import SHADE
from workbench.charts import frame
from workbench.charts.frame import FORECAST, GREEN, INK, MEASURED, Info, Option, per_cent, percent

NEAR_ALL = 0.95  # a chart that comes so close ends at all
WIDE = 100  # times: a log axis of time that reaches so far has ticks at powers of ten, else of two
ROOM = 1.15  # of a log axis, beyond its first and last x: a point must not lie on the edge
# of groups of other curves: told apart by color, by symbol and by dash
PURPLE, GRAY = "#cc79a7", "#8a8f98"
OTHERS = (
    *((PURPLE, "triangle", [3, 3]), (GRAY, "rect", [10, 3, 2, 3]), (GREEN, "circle", [8, 3])),
    *((frame.BLUE, "roundRect", [2, 2]), (frame.RED, "pin", [12, 4]), (frame.ORANGE, "arrow", [5, 5])),
)


def curve_option(info: Info, *, dark: bool = False) -> Option:
    """Return the chart of `curve.curve_info`."""
    option = frame.blank(info["summary"], dark)
    option["xAxis"] = _x_axes(info, option["xAxis"])
    option["yAxis"] |= {"name": f"{info['words']} (%), {info['n_test']} test items", "scale": True}
    option["yAxis"] |= _y_ends(info)
    ahead = [step for step in info["forecast"] if step["x"] is not None]
    option["series"] = [
        *(_band(ahead, dark) if ahead else []),
        _trainings(info, dark),
        _mean(info, dark),
        *([_outlook(info, ahead, dark), _last_value(info, ahead, dark)] if ahead else []),
        *_others(info),
    ]
    lines = _lines(info, dark)
    if lines:
        option["series"][-1]["markLine"] = lines
    _legend(option, info)
    return option


def _x_axes(info: Info, axis: Option) -> Option | list[Option]:
    """Return the x axis, and over labels a second one with their cost where a label has a price."""
    ends = _ends(info)
    wide = bool(ends) and ends["max"] > WIDE * max(ends["min"], 1e-9)
    base = 10 if wide and info["axis"]["name"] in ("hours", "compute") else 2  # 1/128 of an hour says nothing
    kind = {"type": "log", "logBase": base} if info["scale"] == "log" else {"type": "value"}
    name = f"{info['axis']['words']}{' (log scale)' if info['scale'] == 'log' else ''}"
    crooked = {"showMinLabel": info["scale"] != "log", "showMaxLabel": False}  # the ends of the axis
    axis = {**axis, "axisLabel": {**axis["axisLabel"], **crooked}}
    first = {**axis, **kind, "name": name, "scale": True, **ends}
    if not info["cost"] or not ends:
        return first
    price = info["cost"]["per_label"]
    top = {**axis, **kind, "name": info["cost"]["words"], "position": "top", "splitLine": {"show": False}}
    return [first, top | {name: end * price for name, end in ends.items()}]


def _ends(info: Info) -> dict[str, float]:
    """Return where the axis begins and ends: set, so that two axes over one chart agree."""
    rows = [row for trace in (info, *info["overlays"]) for row in (*trace["points"], *trace["forecast"])]
    x = [row["x"] for row in rows if row["x"] is not None]
    if not x:
        return {}
    if info["scale"] == "log":
        return {"min": min(x) / ROOM, "max": max(x) * ROOM}
    return {"min": 0, "max": max(x) * 1.02}


def _y_ends(info: Info) -> dict[str, float]:
    """Return ends of the y axis where it would not find them: it overlooks lines, and goes on to 102."""
    high = [row["high"] for row in (*info["sizes"], *info["forecast"])]
    marks = [info["target"]] if info["target"] is not None else []
    marks += [info["ceiling"]["value"]] if info["ceiling"] else []
    ends: dict[str, float] = {}
    if max([*high, *marks], default=0) > NEAR_ALL:
        ends["max"] = 100
    elif high and marks and max(marks) > max(high):
        ends["max"] = _round_up(max(marks))
    low = [row["low"] for row in (*info["sizes"], *info["forecast"])]
    if low and marks and min(marks) < min(low):
        ends["min"] = 100 - _round_up(1 - min(marks))
    return ends


def _round_up(share: float) -> int:
    """0.913 -> 95: the next twentieth that lies above, in per cent."""
    return min(100, 5 * (int(20 * share) + 1))


def _band(ahead: list[Info], dark: bool) -> list[Option]:
    """The 90 % band ahead of the largest size: an invisible lower edge and the height stacked on it."""
    low = [[step["x"], per_cent(step["low"])] for step in ahead]
    height = [[step["x"], per_cent(step["high"] - step["low"])] for step in ahead]
    quiet = {"type": "line", "stack": "band", "silent": True, "symbol": "none", "lineStyle": {"opacity": 0}}
    area = {"color": FORECAST[dark], "opacity": 0.18}
    return [
        {**quiet, "name": "90 % band", "id": "lower edge", "data": low, "color": FORECAST[dark]},
        {**quiet, "name": "90 % band", "data": height, "areaStyle": area, "color": FORECAST[dark]},
    ]


def _trainings(info: Info, dark: bool) -> Option:
    """One dot per training; its key, last in the row, leads to its receipt."""
    return {
        "name": "One training",
        "type": "scatter",
        "symbol": "circle",
        "symbolSize": 9,
        "itemStyle": {"color": MEASURED[dark], "opacity": 0.55},
        "dimensions": [_unit(info), "%", "Labels", "Seed", "key"],
        "encode": {"x": 0, "y": 1, "tooltip": [2, 1, 3]},
        "data": [
            [point["x"], per_cent(point["value"]), point["n"], point["seed"], point["key"]]
            for point in info["points"]
            if point["x"] is not None
        ],
    }


def _mean(info: Info, dark: bool) -> Option:
    return {
        "name": "Mean",
        "type": "line",
        "symbol": "diamond",
        "symbolSize": 11,
        "color": MEASURED[dark],
        "lineStyle": {"width": 2},
        "dimensions": [_unit(info), "Mean %", "95 % interval from", "to", "Trainings", "Labels"],
        "encode": {"x": 0, "y": 1, "tooltip": [5, 1, 2, 3, 4]},
        "data": [
            [
                size["x"],
                *(per_cent(size[end]) for end in ("mean", "low", "high")),
                size["trainings"],
                size["n"],
            ]
            for size in info["sizes"]
            if size["x"] is not None
        ],
    }


def _outlook(info: Info, ahead: list[Info], dark: bool) -> Option:
    """The forecast's median, and where it gets unsure."""
    shade = {"xAxis": info["axis"]["per_label"] * SHADE * info["labels"], "name": f"beyond {SHADE}x: unsure"}
    area = {
        "silent": True,
        "itemStyle": {"color": INK[dark], "opacity": 0.08},
        "label": {"color": INK[dark], "fontSize": 11, "position": "insideBottom"},
        "data": [[shade, {"xAxis": ahead[-1]["x"]}]],
    }
    return {
        "name": "Forecast",
        "type": "line",
        "symbol": "triangle",
        "symbolSize": 7,
        "color": FORECAST[dark],
        "lineStyle": {"type": "dashed", "width": 2},
        "dimensions": [_unit(info), "Forecast %", "90 % band from", "to", "Labels"],
        "encode": {"x": 0, "y": 1, "tooltip": [4, 1, 2, 3]},
        "data": [
            [step["x"], *(per_cent(step[end]) for end in ("median", "low", "high")), step["n"]]
            for step in ahead
        ],
        "markArea": area,
    }


def _last_value(info: Info, ahead: list[Info], dark: bool) -> Option:
    """The simplest forecast, always beside the other one: accuracy stays where it is."""
    last = per_cent(info["last_value"])
    return {
        "name": "Last value stays",
        "type": "line",
        "symbol": "rect",
        "showSymbol": False,
        "color": INK[dark],
        "lineStyle": {"type": "dotted", "width": 2},
        "data": [[ahead[0]["x"], last], [ahead[-1]["x"], last]],
    }


def _others(info: Info) -> list[Option]:
    """Means of other curves, and their forecasts; a group shares a name: the legend toggles it as one."""
    groups = list(dict.fromkeys(trace["group"] for trace in info["overlays"]))
    found: list[Option] = []
    for trace in info["overlays"]:
        color, symbol, dash = OTHERS[groups.index(trace["group"]) % len(OTHERS)]
        common = {"name": trace["group"], "type": "line", "color": color, "symbol": symbol}
        found.append(
            {**common, "symbolSize": 8, "lineStyle": {"width": 1.5, "type": dash}}
            | {"dimensions": [_unit(info), "Mean %", "Labels", "Curve"], "encode": {"x": 0, "y": 1}}
            | {"data": _rows(trace, trace["sizes"], "mean")}
        )
        if ahead := _rows(trace, trace["forecast"], "median"):
            found.append(
                {**common, "showSymbol": False, "lineStyle": {"width": 1, "type": "dotted"}}
                | {"dimensions": [_unit(info), "Forecast %", "Labels", "Curve"], "encode": {"x": 0, "y": 1}}
                | {"data": ahead}
            )
    return found


def _rows(trace: Info, rows: list[Info], value: str) -> list[list[Any]]:
    return [[row["x"], per_cent(row[value]), row["n"], trace["name"]] for row in rows if row["x"] is not None]


def _unit(info: Info) -> str:
    return str(info["axis"]["words"])


def _lines(info: Info, dark: bool) -> Option | None:
    """The target, and the ceiling that wrong labels set."""
    found: list[Option] = []
    if info["target"] is not None:
        found.append(_line(info["target"], f"target {percent(info['target'])}", "solid", "insideStartTop"))
    if info["ceiling"]:
        found.append(_line(info["ceiling"]["value"], "ceiling of the labels", "dashed", "insideEndTop"))
    label = {"color": INK[dark], "fontSize": 11}
    for line in found:
        line["label"] |= label
    return {"silent": True, "symbol": "none", "data": found} if found else None


def _line(at: float, words: str, dash: str, position: str) -> Option:
    return {
        "yAxis": per_cent(at),
        "lineStyle": {"color": GREEN, "type": dash},
        "label": {"formatter": words, "position": position},
    }


def _legend(option: Option, info: Info) -> None:
    names = list(dict.fromkeys(series["name"] for series in option["series"]))
    option["legend"]["data"] = [
        {"name": name, "icon": "roundRect", "itemStyle": {"opacity": 0.35}} if name == "90 % band" else name
        for name in names
    ]
    if info["overlays"]:
        option["legend"]["type"] = "scroll"
        option["legend"]["right"] = 0
    if isinstance(option["xAxis"], list):
        option["yAxis"]["nameGap"] = 54  # above the upper axis
