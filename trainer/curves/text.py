"""A curve for the terminal: one line per size, first as measured, then as forecast by doublings."""

from collections.abc import Sequence

from trainer.curves import outlook
from trainer.curves.outlook import Point, Step

WIDTH = 40  # columns of the plot


def draw(points: Sequence[Point], steps: Sequence[Step]) -> str:
    """Return the picture as lines of text: a dot per training, then median and 90 % band."""
    largest = max(point.n for point in points)
    ahead = [outlook.nearest(steps, largest * 2**k) for k in (1, 2, 3)] if steps else []
    ends = [point.value for point in points] + [end for step in ahead for end in (step.low, step.high)]
    low, high = min(ends), max(ends)

    def column(value: float) -> int:
        return round((value - low) / (high - low) * (WIDTH - 1)) if high > low else 0

    lines = [f"{'labels':>8}  accuracy  {100 * low:.1f} %{100 * high:>{WIDTH - 8}.1f} %"]
    for n, mean in outlook.means(points).items():
        dots = {column(point.value): "o" for point in points if point.n == n}
        lines.append(f"{n:>8}  {100 * mean:>6.1f} %  {_bar(dots)}  measured")
    for step in ahead:
        bar = dict.fromkeys(range(column(step.low), column(step.high) + 1), "-") | {column(step.median): "|"}
        said = f"forecast, 90 % band {100 * step.low:.1f} to {100 * step.high:.1f}"
        lines.append(f"{step.n:>8}  {100 * step.median:>6.1f} %  {_bar(bar)}  {said}")
    return "\n".join(lines)


def _bar(marks: dict[int, str]) -> str:
    return "".join(marks.get(column, " ") for column in range(WIDTH))
