"""Policies that change whole batches on the training device, as data: which changes and how strong.

Light: numbers only; augment.transforms draws them with torch.  Unlike policy_specs, nothing is stored: each
picture is changed anew every time it is shown.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from augment.policy_specs import Transform


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
    single: bool = False  # of rotate ... saturation each picture gets one or none, as in TrivialAugment

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    @property
    def drawn(self) -> tuple[str, ...]:
        """The changes that need more than whole pixels, of those that this policy makes."""
        return tuple(name for name in FINE if getattr(self, name))

    @property
    def transforms(self) -> tuple[Transform, ...]:
        """The changes in the order in which they are made, in words for a person."""
        told = [Transform(name, {unit: getattr(self, name)}) for name, unit in _UNITS if getattr(self, name)]
        return (
            (*told, Transform("single", {"rotate to saturation": "one or none"})) if self.single else (*told,)
        )


FINE = ("rotate", "scale", "brightness", "contrast", "saturation")
_UNITS = (
    ("flip", "every second picture"),
    ("shift", "of the side, each way"),
    ("rotate", "degrees, each way"),
    ("scale", "of the size, each way"),
    ("brightness", "of the range, each way"),
    ("contrast", "each way"),
    ("saturation", "each way"),
    ("erase", "of the side"),
)

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
COLORED = BatchSpec(
    "shift-flip-color",
    "Moved by up to an eighth of the side, mirrored left-right, in slightly other light and color.",
    shift=0.125,
    flip=True,
    brightness=0.2,
    contrast=0.2,
    saturation=0.2,
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
TRIVIAL = BatchSpec(
    "trivial",
    "Moved, mirrored, and one more change of any strength a picture: turned far, resized, in quite other"
    " light or color, or none. Nothing to tune; after TrivialAugment (Mueller and Hutter, 2021).",
    shift=0.125,
    flip=True,
    rotate=45.0,
    scale=0.5,
    brightness=0.4,
    contrast=0.9,
    saturation=0.9,
    single=True,
)
NAMED = {spec.name: spec for spec in (SHIFT, SHIFT_FLIP, COLORED, STRONG, TRIVIAL)}
