"""One training as it ran: loss and accuracy, step by step."""

from collections.abc import Mapping, Sequence

from workbench.charts import frame
from workbench.charts.frame import Info, Option


def run_history_info(history: Sequence[Mapping[str, float]]) -> Info:
    """Return what a chart of one training says; entries are {"step", "loss", "accuracy"}."""
    if not history:
        return {"history": [], "summary": "No step of this training has been reported yet."}
    last = history[-1]
    loss, accuracy = f"{last['loss']:.3f}", frame.percent(last["accuracy"])
    said = f"Training loss {loss} and accuracy {accuracy} at step {last['step']}."
    return {"history": [dict(entry) for entry in history], "summary": said}


def run_history_option(info: Info, *, dark: bool = False, validated: bool = False) -> Option:
    """Return the loss and the accuracy of one training on its own batches, and on what it held out.

    `validated` gives the line of the validation a place before its first point has come.
    """
    option = frame.blank(info["summary"], dark)
    axis = option["yAxis"]
    option["tooltip"]["trigger"] = "axis"
    option["xAxis"] |= {"type": "value", "name": "Step"}
    option["yAxis"] = [
        {**axis, "name": "Loss (nats)", "min": 0},
        {**axis, "name": "Accuracy (%)", "min": 0, "max": 100, "splitLine": {"show": False}}
        | {"nameTextStyle": {**axis["nameTextStyle"], "align": "right"}},
    ]
    loss = [[entry["step"], round(entry["loss"], 4)] for entry in info["history"]]
    right = [[entry["step"], frame.per_cent(entry["accuracy"])] for entry in info["history"]]
    held = [
        [entry["step"], frame.per_cent(entry["validation_accuracy"])]
        for entry in info["history"]
        if entry.get("validation_accuracy") is not None
    ]
    line = {"type": "line", "showSymbol": False}
    option["series"] = [
        {**line, "name": "Loss", "symbol": "circle", "color": frame.FORECAST[dark], "data": loss},
        {**line, "name": "Accuracy", "symbol": "diamond", "color": frame.MEASURED[dark], "data": right}
        | {"yAxisIndex": 1, "lineStyle": {"type": "dashed"}},
    ]
    if held or validated:
        option["series"] += [
            {**line, "name": "Validation accuracy", "symbol": "triangle", "color": frame.HELD_OUT[dark]}
            | {"data": held, "yAxisIndex": 1}
        ]
    return option
