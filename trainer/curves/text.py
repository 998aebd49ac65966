"""A curve for the terminal: one line per size, first as measured, then as forecast by doublings."""

from trainer.curves import outlook
from trainer.curves.outlook import Outlook

WIDTH = 40  # columns of the plot


def draw(curve: Outlook) -> str:
    """Return the picture as lines of text: a dot per training, then median and 90 % band."""
    if not curve.points:
        return "No training has finished yet."
    ahead = [outlook.nearest(curve.ahead, curve.largest * 2**k) for k in (1, 2, 3)] if curve.ahead else []
    ends = [point.value for point in curve.points] + [end for step in ahead for end in (step.low, step.high)]
    low, high = min(ends), max(ends)

    def column(value: float) -> int:
        return round((value - low) / (high - low) * (WIDTH - 1)) if high > low else 0

    lines = [
        f"{curve.metric.replace('_', ' ').capitalize()} on {curve.n_test} test items",
        f"{'labels':>8}      mean  {100 * low:.1f} %{100 * high:>{WIDTH - 8}.1f} %",
    ]
    for size in curve.sizes:
        dots = {column(point.value): "o" for point in curve.points if point.n == size.n}
        lines.append(f"{size.n:>8}  {100 * size.mean:>6.1f} %  {_bar(dots)}  measured")
    for step in ahead:
        bar = dict.fromkeys(range(column(step.low), column(step.high) + 1), "-") | {column(step.median): "|"}
        said = f"forecast, 90 % band {100 * step.low:.1f} to {100 * step.high:.1f}"
        lines.append(f"{step.n:>8}  {100 * step.median:>6.1f} %  {_bar(bar)}  {said}")
    if curve.forecast:
        lines += [sentence for sentence in (curve.forecast.refused, *curve.forecast.flags) if sentence]
    return "\n".join(lines)


def _bar(marks: dict[int, str]) -> str:
    return "".join(marks.get(column, " ") for column in range(WIDTH))
