"""Pictures that are of no use to anybody: blank, too dark, too bright or blurred.

`measure` looks at one picture, `judge` at the measures of a whole dataset.  What an eye decides is judged in
plain terms (blank, dark, bright); how sharp a picture can be depends on the camera, so blur is judged beside
the other pictures, and in plain terms too.

Sources: J. L. Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy" (variance of the
Laplacian).  Unlike there, little detail alone is no blur: a sharp picture of a plain wall has none, so its
sharpest edges must be wide as well.  What this finds, and what it raises on good pictures, stands in LOG.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

VERSION = 1  # of the measures: a picture with older ones is measured anew
SIDE = 256  # pixels of the longer side that is looked at: about what a model is trained on
CELLS = 64  # a side of the averaged copy: noise of single pixels is no content, a mark of 1/64 is
WINDOW = 9  # pixels across an edge
STEEPEST = 0.1  # of all windows: those across the strongest edges
LEAST_SIDE = 16  # pixels; whether a smaller picture is sharp cannot be told

BLANK = 12.0  # levels of 255 between the darkest and the brightest cell; real pictures of four sets: over 35
DARK = 64.0  # sRGB level of 5 % of white's light
BRIGHT = 192.0  # sRGB level of half of white's light
WIDE_EDGE = 0.35  # of an edge's height in its steepest step: it takes three pixels or more
BOUND = (
    2.5  # robust standard deviations; the usual 3.5 for one measure alone finds half as many of TrashNet's
)
ROBUST = 1.4826  # of a normal law: standard deviation over median absolute deviation
FEWEST = 20  # pictures beside which blur can be judged


@dataclass(frozen=True)
class Look:
    """What one picture looks like; levels are in [0, 255]."""

    spread: float  # between its darkest and brightest cell, in the color where they differ most
    bright_end: float  # 99th percentile of its luminance
    dark_end: float  # 1st percentile
    detail: float | None  # log10 of the variance of the Laplacian, None for pictures below LEAST_SIDE
    edge: float | None  # part of an edge's height in its steepest step, in [1 / (WINDOW - 1), 1]

    def to_json(self) -> dict[str, float | None]:
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, kept: Mapping[str, float | None] | None) -> "Look | None":
        """Return what `to_json` gave; None for another version's, and of a picture that could not be read."""
        if kept is None or kept.get("version") != VERSION or "spread" not in kept:
            return None
        return cls(**{name: kept[name] for name in cls.__dataclass_fields__})  # type: ignore[arg-type]


class Finding(NamedTuple):
    """One picture that is worth a look, and why: a sentence for a person."""

    row: int
    kind: str  # "blank", "dark", "bright" or "blurry"
    value: float  # of the measure that tells it
    reason: str


def measure(picture: Image.Image) -> Look:
    """Return what a picture of any size and mode looks like; at most SIDE pixels a side are looked at."""
    colored = picture.convert("RGB")
    colored.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR)
    cells = colored.copy()
    cells.thumbnail((CELLS, CELLS), Image.Resampling.BOX)
    levels = np.asarray(cells, dtype=np.float64).reshape(-1, 3)
    gray = np.asarray(colored.convert("L"), dtype=np.float32)
    low, high = np.percentile(gray, [1, 99]).tolist()
    told = min(gray.shape) >= LEAST_SIDE
    return Look(
        spread=float(np.ptp(levels, axis=0).max()),
        bright_end=high,
        dark_end=low,
        detail=_detail(gray) if told else None,
        edge=_edge(gray) if told else None,
    )


def judge(looks: Sequence[Look]) -> tuple[Finding, ...]:
    """Return the findings among N pictures of one dataset, by row; of each the first that holds.

    Too little light leaves little detail, so a picture that is blank, dark or bright is not called blurred.
    Where the usual picture itself is dark or bright, as at night or under a microscope, none is called so.
    """
    found: dict[int, Finding] = {}
    for kind in (_blank, _dark, _bright, _blurry):
        rows = [row for row in range(len(looks)) if row not in found]
        found |= {one.row: one for one in kind(rows, looks)}
    return tuple(found[row] for row in sorted(found))


def _detail(gray: NDArray[np.float32]) -> float:
    inner = gray[1:-1, 1:-1]
    sides = gray[:-2, 1:-1] + gray[2:, 1:-1] + gray[1:-1, :-2] + gray[1:-1, 2:]
    return float(np.log10((4 * inner - sides).var() + 1e-3))  # a plain picture: -3


def _edge(gray: NDArray[np.float32]) -> float:
    """Return how steep the strongest edges are: the upper quartile over the STEEPEST windows, both ways."""
    across = [_windows(gray), _windows(gray.T)]
    heights = np.concatenate([height for height, _ in across])
    steps = np.concatenate([step for _, step in across])
    strong = (heights >= np.quantile(heights, 1 - STEEPEST)) & (heights > 0)
    return float(np.quantile(steps[strong] / heights[strong], 0.75)) if strong.any() else 1.0


def _windows(gray: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return of each WINDOW pixels down the columns how far apart their levels lie, and the largest step."""
    low, high = _over(gray, WINDOW, np.minimum), _over(gray, WINDOW, np.maximum)
    steps = _over(np.abs(np.diff(gray, axis=0)), WINDOW - 1, np.maximum)
    return (high - low).ravel(), steps.ravel()


def _over(values: NDArray[np.float32], n: int, pick: np.ufunc) -> NDArray[np.float32]:
    """Return the least or largest of each n rows in turn: doubling takes log2(n) passes."""
    done, result = 1, values
    while done < n:
        step = min(done, n - done)
        result = pick(result[:-step], result[step:])
        done += step
    return result


def _blank(rows: Sequence[int], looks: Sequence[Look]) -> Iterator[Finding]:
    for row in rows:
        if (spread := looks[row].spread) <= BLANK:
            reason = f"Nearly one color: no two parts of it are more than {spread:.0f} of 255 levels apart."
            yield Finding(row, "blank", spread, reason)


def _dark(rows: Sequence[int], looks: Sequence[Look]) -> Iterator[Finding]:
    ends = [looks[row].bright_end for row in rows]
    if not ends or np.median(ends) <= DARK:
        return
    for row, end in zip(rows, ends, strict=True):
        if end <= DARK:
            reason = f"Too dark: but for 1 %, nothing in it is brighter than level {end:.0f} of 255."
            yield Finding(row, "dark", end, reason)


def _bright(rows: Sequence[int], looks: Sequence[Look]) -> Iterator[Finding]:
    ends = [looks[row].dark_end for row in rows]
    if not ends or np.median(ends) >= BRIGHT:
        return
    for row, end in zip(rows, ends, strict=True):
        if end >= BRIGHT:
            reason = f"Too bright: but for 1 %, nothing in it is darker than level {end:.0f} of 255."
            yield Finding(row, "bright", end, reason)


def _blurry(rows: Sequence[int], looks: Sequence[Look]) -> Iterator[Finding]:
    told = [(row, look.detail, look.edge) for row in rows if (look := looks[row]).edge is not None]
    if len(told) < FEWEST:
        return
    detail = np.array([one for _, one, _ in told], dtype=np.float64)
    usual = float(np.median(detail))
    least = usual - BOUND * ROBUST * float(np.median(np.abs(detail - usual)))
    for row, one, edge in told:
        if one is not None and edge is not None and one < least and edge <= WIDE_EDGE:
            reason = (
                f"Blurred: its sharpest edges take {1 / edge:.0f} pixels, and it has "
                f"{10 ** (usual - one):.0f} times less fine detail than the usual picture."
            )
            yield Finding(row, "blurry", edge, reason)
