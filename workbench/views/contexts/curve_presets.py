"""Ways to spend trainings on a new curve, with what each would mean for a dataset today."""

from __future__ import annotations

from dataclasses import dataclass

from labeling.models import Dataset
from trainer.curves import design
from trainer.curves.design import PRESETS, Preset
from trainer.models import Curve, Run
from workbench.views.contexts import labels

WORDS = {
    "quick": "Three trainings, for a first look; too few for a forecast you should lean on.",
    "standard": "Every size twice: the noise between trainings is measured, not guessed.",
    "thorough": "More trainings where the labels are many: they say most about what comes next.",
}


@dataclass(frozen=True)
class PresetRow:
    name: str
    words: str
    sizes: tuple[tuple[int, int], ...]  # (labels, trainings with so many)
    refused: str  # why it cannot be done, "" where it can

    @property
    def trainings(self) -> int:
        return sum(times for _, times in self.sizes)


def presets(dataset: Dataset) -> tuple[PresetRow, ...]:
    labeled = labels.class_table(dataset).train
    return tuple(_preset(name, preset, labeled, len(dataset.classes)) for name, preset in PRESETS.items())


def _preset(name: str, preset: Preset, labeled: int, classes: int) -> PresetRow:
    try:
        found = design.sizes(labeled, classes, preset)
    except ValueError as reason:
        return PresetRow(name, WORDS[name], (), f"{reason}.".capitalize())
    sizes = tuple(zip(found, preset.repeats[-len(found) :], strict=True))
    return PresetRow(name, WORDS[name], sizes, "")


def own_recipes(dataset: Dataset) -> tuple[tuple[str, str], ...]:
    """Return the recipes of finished runs that bear no name, newest first, as choices of a form."""
    runs = Run.objects.filter(dataset=dataset, state=Run.State.DONE, name="own recipe").only("pk", "name")
    return tuple((f"run:{run.pk}", f"that of run #{run.pk}") for run in runs.order_by("-pk")[:20])


@dataclass(frozen=True)
class TierRow:
    """A quick look that comes before the real trainings: heads on fixed features."""

    name: str
    words: str
    says: str
    chosen: bool


TIERS = {
    "ridge": "One matrix solves all sizes at once: there in seconds. It shows the shape, not the recipe's"
    " accuracy.",
    "logistic": "The same features under a logistic regression: a better probe, a little slower.",
    "mlp": "A network of one hidden layer on the same features: closer to the recipe, and still quick.",
}


def tiers(chosen: object) -> tuple[TierRow, ...]:
    """Return the heads that a curve may have before it; `chosen` is what the form holds."""
    held = chosen if isinstance(chosen, (list, tuple)) else ()
    return tuple(TierRow(name, Curve.Tier(name).label, says, name in held) for name, says in TIERS.items())
