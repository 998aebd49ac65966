"""What a training would do, shown before it does: to the proportions of the classes, and at which rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from augment import plans
from augment.plans import Plan
from labeling.models import Dataset
from trainer.engine.recipe import DESCRIPTIONS, NAMED, Recipe
from trainer.engine.recipe_fields import ONLY_WITH
from trainer.models import Run
from workbench import schedule_charts
from workbench.charts.frame import Info, Option
from workbench.views.contexts import labels
from workbench.views.train_form import Training

OWN = "own"  # no preset has this name


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


@dataclass(frozen=True)
class Schedule:
    """The learning rate of a recipe, for the number of labels of today."""

    name: str  # of the preset, or OWN
    place: str  # the id of its options in the page
    info: Info
    options: dict[str, Option]  # by theme
    shown: bool


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


def schedules(dataset: Dataset, form: Training) -> tuple[Schedule, ...]:
    """Return the learning rates of all presets, and of the form's own choices first where it has some.

    The one that is shown is marked; the form's script shows another when a preset is chosen.
    """
    labeled = _labeled(dataset)
    own = _own(form)
    asked = str(form["recipe"].value())
    chosen = OWN if own else asked if asked in NAMED else next(iter(NAMED))
    known = {OWN: own, **NAMED} if own else NAMED
    return tuple(_schedule(name, recipe, labeled, name == chosen) for name, recipe in known.items())


def _schedule(name: str, recipe: Recipe, labeled: int, shown: bool) -> Schedule:
    learned = labeled - round(recipe.validation * labeled)  # validation items are not trained on
    info = schedule_charts.schedule_info(recipe, recipe.steps(learned))
    options = {
        "light": schedule_charts.schedule_option(info),
        "dark": schedule_charts.schedule_option(info, dark=True),
    }
    return Schedule(name, f"schedule-{name}", info, options, shown)


def own_plan(dataset: Dataset, form: Training) -> Plan | None:
    """Return the plan of the choices in the form, None where they leave the proportions alone."""
    chosen = _own(form)
    return _plan(dataset, chosen) if chosen else None


def _own(form: Training) -> Recipe | None:
    """Return the recipe in the form, sent or suggested by the address, where it is no preset."""
    suggested = {"recipe": form["recipe"].value(), **form.initial}
    filled = form if form.is_bound else Training(suggested)
    chosen = filled.cleaned_data["chosen"] if filled.is_valid() else None
    return chosen if isinstance(chosen, Recipe) else None


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
