"""What one learning of features without labels is asked to do, in one frozen dataclass.

Light: no torch here, so that pages can show and check it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from trainer.engine.recipe import InvalidRecipe, Recipe

LEAST_PICTURES = 16  # below, the statistics of a batch say nothing
_RANGES: dict[str, tuple[float, float]] = {  # an int bound asks for an integer
    "epochs": (1, 10_000),
    "batch": (8, 8192),
    "projector": (16, 8192),
    "learning_rate": (1e-6, 1.0),
    "weight_decay": (0.0, 1.0),
}


@dataclass(frozen=True)
class Plan:
    """How features are learned; the pictures and the seed stand beside it.

    A training starts from the features of a plan with the same network, width and resolution.
    Raises InvalidRecipe where a value is out of range.
    """

    network: str = "resnet9"
    width: int = 16
    resolution: int = 64
    epochs: int = 100
    batch: int = 128  # pictures; two views of each go through the network
    projector: int = 512  # width of the head that the loss looks through; thrown away afterwards
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    precision: str = "auto"

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            kinds = (int,) if isinstance(high, int) else (int, float)
            if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
                word = "an integer" if isinstance(high, int) else "a number"
                raise InvalidRecipe(f"{name} must be {word} in [{low:g}, {high:g}], got {value!r}")
        _ = self.recipe  # which checks the rest

    @property
    def recipe(self) -> Recipe:
        """The recipe that builds the network and draws the learning rate."""
        return Recipe(
            network=self.network,
            width=self.width,
            resolution=self.resolution,
            learning_rate=self.learning_rate,
            precision=self.precision,
            schedule="cosine",
            warmup=0.05,
        )

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, object]) -> Plan:
        """Return the plan written as JSON; raises InvalidRecipe for what is unknown or out of range."""
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise InvalidRecipe(f"unknown field {', '.join(unknown)}")
        return cls(**values)  # type: ignore[arg-type]  # __post_init__ checks them
