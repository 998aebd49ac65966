"""What the learning rate of a recipe does, step by step: as numbers, as a sentence and as a chart.

Light: plain lists and dicts, no torch.
"""

from trainer.engine import schedules
from trainer.engine.recipe import Recipe
from workbench.charts import frame
from workbench.charts.frame import Info, Option

DRAWN, TOLD = 120, 11  # steps in the chart and in the table; the ones at which a schedule bends come on top


def schedule_info(recipe: Recipe, steps: int) -> Info:
    """Return what the chart of a training's learning rate says: `steps` >= 1 is its budget.

    `points` are drawn and `told` stand in the table, {"step", "rate"} each.  Where the recipe takes no step
    (tuning "probe") both are empty.
    """
    if recipe.tuning == "probe":
        said = "This recipe solves the head on features that stay as they are: there are no steps to take."
        return {"points": [], "told": [], "steps": 0, "peak": 0.0, "summary": said}
    return {
        "points": _points(recipe, steps, DRAWN),
        "told": _points(recipe, steps, TOLD),
        "steps": steps,
        "peak": recipe.learning_rate,
        "summary": _summary(recipe, steps),
    }


def schedule_option(info: Info, *, dark: bool = False) -> Option:
    """Return the learning rate over the step."""
    option = frame.blank(info["summary"], dark)
    option["tooltip"]["trigger"] = "axis"
    option["grid"]["top"] = 28
    option["legend"]["show"] = False
    option["xAxis"] |= {"type": "value", "name": "Step", "min": 0, "max": info["steps"] or None}
    option["yAxis"] |= {"type": "value", "name": "Learning rate", "min": 0}
    line = [[point["step"], float(f"{point['rate']:.4g}")] for point in info["points"]]
    option["series"] = [
        {"type": "line", "name": "Learning rate", "color": frame.MEASURED[dark], "showSymbol": False}
        | {"data": line}
    ]
    return option


def _points(recipe: Recipe, steps: int, count: int) -> list[dict[str, float]]:
    return [
        {"step": step, "rate": schedules.learning_rate(recipe, step, steps)}
        for step in schedules.spread(recipe, steps, count)
    ]


def _summary(recipe: Recipe, steps: int) -> str:
    """Return the schedule in a sentence: what a screen reader says instead of the picture."""
    peak, top = f"{recipe.learning_rate:g}", schedules.peak_step(recipe, steps)
    if recipe.schedule == "restarts":
        ends = schedules.cycle_ends(recipe, steps)
        told = ", ".join(f"{end:,}" for end in ends)
        return f"The rate falls {_times(len(ends))} from {peak} to nearly 0; the cycles end at step {told}."
    climb = f"The rate starts at {peak}" if top == 1 else f"The rate climbs to {peak} until step {top:,}"
    if recipe.schedule == "constant":
        return f"{climb} and stays there until step {steps:,}."
    end = "nearly 0" if recipe.schedule == "one-cycle" else "0"
    return f"{climb} and falls to {end} at step {steps:,}."


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
