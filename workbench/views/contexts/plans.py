"""What a training would do to the proportions of the classes, shown before it does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from augment import plans
from augment.plans import Plan
from labeling.models import Dataset
from trainer.engine.recipe import DESCRIPTIONS, NAMED, Recipe
from trainer.engine.recipe_fields import ONLY_WITH
from trainer.models import Run
from workbench.views.contexts import labels
from workbench.views.train_form import Training


@dataclass(frozen=True)
class Preset:
    """A named recipe in the words of the form that offers it."""

    name: str
    description: str
    steps: int  # of the optimizer, with the labels of today
    batch: int  # pictures a step
    took_s: float | None  # the newest run of just this recipe on the dataset, where there is one
    took_n: int | None  # labels that it learned from
    plan: Plan | None


def presets(dataset: Dataset) -> tuple[Preset, ...]:
    return tuple(_preset(dataset, name, recipe) for name, recipe in NAMED.items())


def _preset(dataset: Dataset, name: str, recipe: Recipe) -> Preset:
    done = dataset.runs.filter(state=Run.State.DONE, recipe=recipe.to_json())
    last = done.only("receipt", "n_train").first()
    return Preset(
        name=name,
        description=DESCRIPTIONS[name],
        steps=recipe.steps(_labeled(dataset)),
        batch=recipe.batch,
        took_s=last.receipt.get("duration_s") if last else None,
        took_n=last.n_train if last else None,
        plan=_plan(dataset, recipe),
    )


def told() -> dict[str, object]:
    """Return what the form's script knows: what each preset says, and what a field needs to have effect."""
    return {"presets": {name: recipe.to_json() for name, recipe in NAMED.items()}, "needs": ONLY_WITH}


def own_plan(dataset: Dataset, form: Training) -> Plan | None:
    """Return the plan of the choices in the form, None where they leave the proportions alone."""
    chosen = form.cleaned_data.get("chosen") if form.is_bound and form.is_valid() else None
    return _plan(dataset, chosen) if isinstance(chosen, Recipe) else None


def largest(dataset: Dataset) -> int:
    """The longest bar of any plan: no class is lifted above the largest."""
    return max((row.train for row in labels.class_table(dataset).rows), default=0) or 1


def _labeled(dataset: Dataset) -> int:
    return labels.class_table(dataset).train


def _plan(dataset: Dataset, recipe: Recipe) -> Plan | None:
    if recipe.rebalance is None:
        return None
    table = labels.class_table(dataset)
    numbers = np.repeat(np.arange(len(table.rows)), [row.train for row in table.rows])
    return plans.plan(dataset.classes, numbers, recipe.rebalance)
