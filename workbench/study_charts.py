"""What a range test and a batch map say, as numbers and as a chart.

Light: plain lists and dicts.
"""

from collections.abc import Mapping
from typing import Any

from workbench.charts import frame
from workbench.charts.frame import Info, Option


def range_info(result: Mapping[str, Any]) -> Info:
    """Return what a chart of a range test says, from trainer.search.learning_rates.RangeTest.to_json."""
    if not result.get("points"):
        return {"points": [], "chosen": None, "summary": "Nothing has been measured yet."}
    chosen = result["chosen"]
    said = (
        "The loss never fell, so no rate is chosen."
        if chosen is None
        else f"The smoothed loss is lowest at a rate of {result['lowest']:.3g}; a tenth of it, {chosen:.3g},"
        " is chosen."
    )
    return {"points": [dict(point) for point in result["points"]], "chosen": chosen, "summary": said}


def range_option(info: Info, *, dark: bool = False) -> Option:
    """Return the smoothed loss over the learning rate, with the chosen one marked."""
    option = frame.blank(info["summary"], dark)
    option["xAxis"] |= {"type": "log", "name": "Learning rate"}
    option["yAxis"] |= {"type": "value", "name": "Smoothed loss (nats)", "scale": True}
    line = [[point["rate"], round(point["smoothed"], 4)] for point in info["points"]]
    mark = [] if info["chosen"] is None else [{"xAxis": info["chosen"], "name": "chosen"}]
    option["series"] = [
        {"type": "line", "showSymbol": False, "name": "Smoothed loss", "color": frame.MEASURED[dark]}
        | {"data": line, "markLine": {"symbol": "none", "data": mark, "label": {"formatter": "{b}"}}}
    ]
    return option


def best_cell(cells: list[dict[str, Any]]) -> int | None:
    """Return the number of the most accurate cell; None where none was measured."""
    scored = [(cell["accuracy"]["value"], -number) for number, cell in enumerate(cells) if cell["accuracy"]]
    return -max(scored)[1] if scored else None


def ties(cells: list[dict[str, Any]]) -> list[bool]:
    """Return for each cell whether its interval overlaps the best one's: they cannot be told apart."""
    best = best_cell(cells)
    if best is None:
        return [False] * len(cells)
    low = cells[best]["accuracy"]["low"]
    return [bool(cell["accuracy"]) and cell["accuracy"]["high"] >= low for cell in cells]
