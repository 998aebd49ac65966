"""A curve for the terminal: one line per size, first as measured, then as forecast by doublings."""

from trainer.curves import outlook
from trainer.curves.outlook import Outlook, Step

WIDTH = 40  # columns of the plot
NAMES = {"macro_f1": "Macro F1"}  # metrics whose words are not their names


def draw(curve: Outlook, target: float | None = None) -> str:
    """Return the picture as lines of text: a dot per training, then median and 90 % band.

    A target score in [0, 1] stands as a column of colons, with the chance that it is reached beside every
    forecast.  Marks lie on top of one another in this order: target, band, median or training.
    """
    if not curve.points:
        return "No training has finished yet."
    ahead = [outlook.nearest(curve.ahead, curve.largest * 2**k) for k in (1, 2, 3)] if curve.ahead else []
    ends = [point.value for point in curve.points] + [end for step in ahead for end in (step.low, step.high)]
    ends += [] if target is None else [target]
    low, high = min(ends), max(ends)

    def column(value: float) -> int:
        return round((value - low) / (high - low) * (WIDTH - 1)) if high > low else 0

    aim = {} if target is None else {column(target): ":"}
    lines = [f"{title(curve.metric)} on {curve.n_test} test items"]
    lines += [] if target is None else [f"{'target':>8}  {100 * target:>6.1f} %  {_bar(aim)}"]
    lines += [f"{'labels':>8}      mean  {100 * low:.1f} %{100 * high:>{WIDTH - 8}.1f} %"]
    for size in curve.sizes:
        dots = {column(point.value): "o" for point in curve.points if point.n == size.n}
        lines.append(f"{size.n:>8}  {100 * size.mean:>6.1f} %  {_bar(aim | dots)}  measured")
    for step in ahead:
        bar = dict.fromkeys(range(column(step.low), column(step.high) + 1), "-") | {column(step.median): "|"}
        lines.append(
            f"{step.n:>8}  {100 * step.median:>6.1f} %  {_bar(aim | bar)}  {_said(curve, step, target)}"
        )
    if curve.forecast:
        lines += [sentence for sentence in (curve.forecast.refused, *curve.forecast.flags) if sentence]
    return "\n".join(lines)


def title(metric: str) -> str:
    """Return a metric in words; "recall:crack" is the recall of the class crack."""
    name, _, of = metric.partition(":")
    words = NAMES.get(name) or name.replace("_", " ").capitalize()
    return f"{words} of {of}" if of else words


def _said(curve: Outlook, step: Step, target: float | None) -> str:
    """Return what is written beside one forecast."""
    band = f"forecast, 90 % band {100 * step.low:.1f} to {100 * step.high:.1f}"
    if target is None or curve.forecast is None or curve.forecast.quantiles is None:
        return band
    return f"{band}, target reached with {100 * curve.forecast.quantiles.chance(step.n, target):.0f} %"


def _bar(marks: dict[int, str]) -> str:
    return "".join(marks.get(column, " ") for column in range(WIDTH))
