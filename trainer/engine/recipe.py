"""Every choice of one training in one frozen dataclass, and the recipes that have a name.

Light: no torch here, so that pages can show and check a recipe.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields

from augment import policy_specs

NETWORKS = ("cnn", "resnet9")
OPTIMIZERS = ("adamw", "sgd")
SCHEDULES = ("cosine", "constant")
PRECISIONS = ("auto", "fp32", "bf16")


class InvalidRecipe(ValueError):
    """A recipe that cannot be trained; the message names the field, the value and the rule."""


@dataclass(frozen=True)
class Recipe:
    """How to train; the data and the seed stand beside it.

    The step budget grows with the root of the number n of labeled samples: `steps(n)`.  Equal epochs would
    leave small subsets under-trained, equal steps would spend most of a curve on them; the root lies between
    (4x the labels, 2x the work).  It is part of the recipe, so fixed before looking.
    """

    network: str = "cnn"
    width: int = 8  # channels of the first layer; the later ones are multiples of it
    resolution: int = 32  # pixels a side
    optimizer: str = "adamw"
    learning_rate: float = 0.02
    schedule: str = "cosine"
    warmup: float = 0.1  # share of the steps in which the learning rate climbs to its peak
    batch: int = 32
    steps_per_root: float = 12.0  # steps(n) = steps_per_root * sqrt(n), at least min_steps
    min_steps: int = 100
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    dropout: float = 0.2
    policy: str | None = None  # a name from augment.policy_specs; None trains on the pictures as they are
    copies: int = 12  # changed copies per picture, drawn once; without a policy it means nothing
    rebalance: float | None = None  # strength in [0, 1], see augment.plans; None draws each row once
    precision: str = "auto"

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise InvalidRecipe(
                    f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}"
                )
        for name, (low, high) in _RANGES.items():
            _check_number(name, getattr(self, name), low, high)
        if self.policy is not None and self.policy not in policy_specs.NAMED:
            known = ", ".join(policy_specs.NAMED)
            raise InvalidRecipe(f"policy must be one of {known} or null, got {self.policy!r}")
        if self.rebalance is not None:
            _check_number("rebalance", self.rebalance, 0.0, 1.0)

    def steps(self, n: int) -> int:
        """Return the number of optimizer steps for n labeled samples."""
        return max(self.min_steps, round(self.steps_per_root * math.sqrt(n)))

    @property
    def changes_data(self) -> bool:
        """True if pictures are changed or rows drawn again before training."""
        return self.policy is not None or self.rebalance is not None

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, object]) -> Recipe:
        """Return the recipe written as JSON; fields left out take their defaults.

        Raises InvalidRecipe for unknown fields and for values out of range.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise InvalidRecipe(f"unknown field {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        return cls(**values)  # type: ignore[arg-type]  # __post_init__ checks them


_CHOICES = {
    "network": NETWORKS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "precision": PRECISIONS,
}
_RANGES: dict[str, tuple[float, float]] = {  # an int bound asks for an integer
    "width": (1, 512),
    "resolution": (8, 512),
    "learning_rate": (1e-6, 100.0),
    "warmup": (0.0, 1.0),
    "batch": (2, 65536),
    "steps_per_root": (0.0, 10_000.0),
    "min_steps": (1, 1_000_000),
    "weight_decay": (0.0, 10.0),
    "label_smoothing": (0.0, 0.9),
    "dropout": (0.0, 0.9),
    "copies": (1, 64),
}


def _check_number(name: str, value: object, low: float, high: float) -> None:
    kinds = (int,) if isinstance(high, int) else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        word = "an integer" if isinstance(high, int) else "a number"
        raise InvalidRecipe(f"{name} must be {word}, got {value!r}")
    if not low <= value <= high:
        raise InvalidRecipe(f"{name} must lie in [{low:g}, {high:g}], got {value!r}")


NAMED = {
    "plain": Recipe(),
    "augmented": Recipe(policy="gentle", rebalance=1.0),
}
DESCRIPTIONS = {
    "plain": "A small convolutional network on the labeled pictures as they are.",
    "augmented": "The same network on gently changed copies of the pictures, with rare classes drawn as"
    " often as the largest one.",
}
