"""Every choice of one training in one frozen dataclass, and the recipes that have a name.

Light: no torch here, so that pages can show and check a recipe.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace

from augment import batch_specs, policy_specs

NETWORKS = ("cnn", "resnet9", "resnet18", "airbench", "vit", "lstm")
TIMM = "timm:"  # "timm:resnet18": a backbone of that library, by its name there
OPTIMIZERS = ("adamw", "adam", "sgd", "muon")
SCHEDULES = ("cosine", "one-cycle", "restarts", "constant")
LOSSES = ("cross-entropy", "class-weighted", "focal", "balanced-softmax", "logit-adjusted")
MIXINGS = ("mixup", "cutmix")
TUNINGS = ("full", "probe", "probe-then-full")
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
    weights: str | None = None  # "pretrained", "self-supervised" or a weights file; None: drawn at random
    tuning: str = "full"  # with weights: all of the network, its head alone, or the head first
    optimizer: str = "adamw"
    learning_rate: float = 0.02
    momentum: float = 0.9  # of sgd and muon; the others have moments of their own
    schedule: str = "cosine"
    warmup: float = 0.1  # share of the steps in which the learning rate climbs to its peak
    restarts: int = 2  # of the schedule "restarts": one cycle more than that
    restart_mult: int = 2  # Tmult: each cycle is so many times as long as the one before
    batch: int = 32
    steps_per_root: float = 12.0  # steps(n) = steps_per_root * sqrt(n), at least min_steps
    min_steps: int = 100
    weight_decay: float = 0.05
    l1: float = 0.0  # times the sum of the absolute weights, added to the loss
    label_smoothing: float = 0.05
    loss: str = "cross-entropy"
    focal_gamma: float = 2.0  # of the focal loss
    logit_tau: float = 1.0  # of the logit-adjusted loss
    class_beta: float = 0.999  # of the class-weighted loss, see losses.class_weights
    dropout: float = 0.2
    ema: float = 0.0  # decay a step of the averaged weights; 0 keeps the last ones
    validation: float = 0.0  # share of the labels that steer early stopping instead of training
    patience: float = 0.2  # share of the steps without a better validation score that ends the training
    policy: str | None = None  # a name from augment.policy_specs (copies drawn once) or augment.batch_specs
    # (changed anew in every batch); None trains on the pictures as they are
    copies: int = 12  # changed copies per picture, drawn once; only policies of policy_specs have them
    mixing: str | None = None  # "mixup" or "cutmix": pairs of pictures blended in every batch
    mixing_alpha: float = 0.2  # of the Beta law that draws how much
    rebalance: float | None = None  # strength in [0, 1], see augment.plans; None draws each row once
    precision: str = "auto"

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise InvalidRecipe(
                    f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}"
                )
        for name, (low, high) in RANGES.items():
            _check_number(name, getattr(self, name), low, high)
        for name, known in OPTIONAL.items():
            if getattr(self, name) is not None and getattr(self, name) not in known:
                raise InvalidRecipe(
                    f"{name} must be one of {', '.join(known)} or null, got {getattr(self, name)!r}"
                )
        if self.rebalance is not None:
            _check_number("rebalance", self.rebalance, 0.0, 1.0)
        _check_network(self.network)
        _check_weights(self)

    def steps(self, n: int) -> int:
        """Return the number of optimizer steps for n labeled samples."""
        return max(self.min_steps, round(self.steps_per_root * math.sqrt(n)))

    @property
    def changes_data(self) -> bool:
        """True if pictures are changed or rows drawn again for training."""
        return self.policy is not None or self.rebalance is not None

    @property
    def enriches(self) -> bool:
        """True if the material is made before training: copies of pictures, or rows drawn again."""
        return self.policy in policy_specs.NAMED or self.rebalance is not None

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


CHOICES = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "loss": LOSSES,
    "tuning": TUNINGS,
    "precision": PRECISIONS,
}
OPTIONAL = {"policy": (*policy_specs.NAMED, *batch_specs.NAMED), "mixing": MIXINGS}
RANGES: dict[str, tuple[float, float]] = {  # an int bound asks for an integer
    "width": (1, 512),
    "resolution": (8, 512),
    "learning_rate": (1e-6, 100.0),
    "momentum": (0.0, 0.999),
    "warmup": (0.0, 1.0),
    "restarts": (1, 20),
    "restart_mult": (1, 4),
    "batch": (2, 65536),
    "steps_per_root": (0.0, 10_000.0),
    "min_steps": (1, 1_000_000),
    "weight_decay": (0.0, 10.0),
    "l1": (0.0, 1.0),
    "label_smoothing": (0.0, 0.9),
    "focal_gamma": (0.0, 10.0),
    "logit_tau": (0.0, 4.0),
    "class_beta": (0.0, 0.999999),
    "dropout": (0.0, 0.9),
    "ema": (0.0, 0.99999),
    "validation": (0.0, 0.5),
    "patience": (0.01, 1.0),
    "copies": (1, 64),
    "mixing_alpha": (0.01, 10.0),
}


def _check_network(network: object) -> None:
    if isinstance(network, str) and network.startswith(TIMM) and network != TIMM:
        return
    if network not in NETWORKS:
        raise InvalidRecipe(f"network must be one of {', '.join(NETWORKS)} or {TIMM}NAME, got {network!r}")


def _check_weights(recipe: Recipe) -> None:
    """Weights that do not fit the network are found where they are read; here only what needs no file."""
    if recipe.weights is not None and (not isinstance(recipe.weights, str) or not recipe.weights):
        raise InvalidRecipe(f"weights must be a word or a file's path or null, got {recipe.weights!r}")
    if recipe.weights == "pretrained" and not recipe.network.startswith(TIMM):
        raise InvalidRecipe(
            f"weights 'pretrained' come with a {TIMM}NAME network only, got {recipe.network!r}"
        )
    if recipe.weights is None and recipe.tuning != "full":
        raise InvalidRecipe(f"tuning {recipe.tuning!r} needs weights to start from")


def _check_number(name: str, value: object, low: float, high: float) -> None:
    kinds = (int,) if isinstance(high, int) else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        word = "an integer" if isinstance(high, int) else "a number"
        raise InvalidRecipe(f"{name} must be {word}, got {value!r}")
    if not low <= value <= high:
        raise InvalidRecipe(f"{name} must lie in [{low:g}, {high:g}], got {value!r}")


_RESIDUAL = Recipe(
    network="resnet9",
    width=16,
    optimizer="sgd",
    learning_rate=0.1,
    warmup=0.2,
    batch=128,
    steps_per_root=30.0,
    weight_decay=0.0005,
    dropout=0.0,
    policy="shift-flip",
)
NAMED = {
    "plain": Recipe(),
    "augmented": Recipe(policy="gentle", rebalance=1.0),
    "residual": replace(_RESIDUAL, label_smoothing=0.1),
    "residual-cutmix": replace(
        _RESIDUAL, steps_per_root=45.0, label_smoothing=0.0, mixing="cutmix", mixing_alpha=1.0
    ),
}
DESCRIPTIONS = {
    "plain": "A small convolutional network on the labeled pictures as they are.",
    "augmented": "The same network on gently changed copies of the pictures, with rare classes drawn as"
    " often as the largest one.",
    "residual": "A residual network, trained ten times as long on pictures that are moved and mirrored anew"
    " in each batch: for photographs, with some thousand labels.",
    "residual-cutmix": "The same, half again as long, on pairs of pictures cut together: for few labels.",
}
