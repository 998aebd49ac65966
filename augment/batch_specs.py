"""Policies that change whole batches on the training device, as data: which changes and how strong.

Light: numbers only; augment.transforms draws them with torch.  Unlike policy_specs, nothing is stored: each
picture is changed anew every time it is shown.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class BatchSpec:
    """Strengths, all 0 where nothing changes; lengths are shares of the picture's side."""

    name: str
    description: str
    shift: float = 0.0  # largest move each way, whole pixels; the edge goes on by reflection
    flip: bool = False  # mirrored left-right, every second picture
    rotate: float = 0.0  # degrees, each way
    scale: float = 0.0  # largest change of size: [1 - scale, 1 + scale]
    brightness: float = 0.0  # largest change, as a share of the full range
    contrast: float = 0.0  # largest change, as a share
    saturation: float = 0.0
    erase: float = 0.0  # side of an erased square; 0 erases nothing

    def to_json(self) -> dict[str, object]:
        return asdict(self)


SHIFT = BatchSpec(
    "shift",
    "Moved by up to an eighth of the side. For characters and everything else that a mirror changes.",
    shift=0.125,
)
SHIFT_FLIP = BatchSpec(
    "shift-flip",
    "Moved by up to an eighth of the side and mirrored left-right: the classic of small photographs.",
    shift=0.125,
    flip=True,
)
STRONG = BatchSpec(
    "strong",
    "Moved, mirrored, turned, resized, in other light and color, a square erased: for few labels and long"
    " trainings.",
    shift=0.125,
    flip=True,
    rotate=15.0,
    scale=0.2,
    brightness=0.2,
    contrast=0.2,
    saturation=0.2,
    erase=0.25,
)
NAMED = {spec.name: spec for spec in (SHIFT, SHIFT_FLIP, STRONG)}
