"""The figures that work reported on its way, so that a page opened in the middle can show them."""

from collections.abc import Mapping, Sequence
from typing import Any

POINTS = 200  # a chart needs no more, and they go to the job's row up to once a second

Point = dict[str, Any]  # {"step", **values}


def extended(trail: Sequence[Point], progress: Mapping[str, Any]) -> list[Point]:
    """Return the trail with the figures of one more report, its steps ascending, at most POINTS long.

    Work that goes back, as an attempt that begins anew, rubs out what lay beyond.  A trail that is too long
    loses every other point, never its first or last.
    """
    if not progress["values"]:
        return list(trail)
    point = {"step": progress["done"], **progress["values"]}
    made = [*(old for old in trail if old["step"] < point["step"]), point]
    return made if len(made) <= POINTS else [*made[:-1:2], point]
