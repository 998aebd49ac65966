"""Policies by name, as data: which changes, how strong, how often.

Light: the library that draws them is imported in augment.policies alone.  A spec, its versions, a seed, a
sample's key and a copy number give the same pixels again, so no changed picture is ever stored for long.
"""

from __future__ import annotations

from dataclasses import dataclass

REPLICATE = 1  # cv2.BORDER_REPLICATE: the edge's own colour goes on, so no black corners teach the class


@dataclass(frozen=True)
class Transform:
    """One class of Albumentations and its arguments, plain JSON values."""

    name: str
    args: dict[str, object]


@dataclass(frozen=True)
class PolicySpec:
    """Changes in the order in which they are made; sizes are shares of the picture: any resolution fits."""

    name: str
    description: str
    transforms: tuple[Transform, ...]

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "transforms": [{"name": t.name, "args": t.args} for t in self.transforms],
        }


GENTLE = PolicySpec(
    "gentle",
    "Slight turns, shifts, changes of size and light, a little blur and noise. Never mirrored, so it suits"
    " characters and everything else that reads one way.",
    (
        Transform(
            "Affine",
            {
                "scale": [0.9, 1.1],
                "translate_percent": [-0.08, 0.08],
                "rotate": [-10, 10],  # degrees
                "shear": [-6, 6],  # degrees
                "border_mode": REPLICATE,
                "p": 0.9,
            },
        ),
        Transform("RandomBrightnessContrast", {"brightness_limit": 0.15, "contrast_limit": 0.15, "p": 0.5}),
        Transform("GaussianBlur", {"blur_limit": 0, "sigma_limit": [0.3, 0.8], "p": 0.2}),
        Transform("GaussNoise", {"std_range": [0.01, 0.04], "p": 0.3}),
    ),
)
PHOTO = PolicySpec(
    "photo",
    "Mirrored, zoomed in, turned a little, other light and color. For photographs; not for characters or"
    " anything else that a mirror changes.",
    (
        Transform("HorizontalFlip", {"p": 0.5}),
        Transform(
            "Affine",
            {
                "scale": [1.0, 1.35],  # a crop that keeps the size
                "translate_percent": [-0.1, 0.1],
                "rotate": [-10, 10],
                "border_mode": REPLICATE,
                "p": 0.9,
            },
        ),
        Transform(
            "ColorJitter",
            {
                "brightness": [0.8, 1.2],
                "contrast": [0.8, 1.2],
                "saturation": [0.8, 1.2],
                "hue": [-0.03, 0.03],
                "p": 0.8,
            },
        ),
    ),
)
NAMED = {spec.name: spec for spec in (GENTLE, PHOTO)}


def spec(name: str) -> PolicySpec:
    """Return the policy of this name.  Raises ValueError that lists the known ones."""
    if name not in NAMED:
        raise ValueError(f"policy must be one of {', '.join(NAMED)}, got {name!r}")
    return NAMED[name]
