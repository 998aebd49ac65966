"""Forms of learning curves: how one is looked at, how it is made, what is wished for, what a label costs."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from labeling.models import Dataset
from labeling.services.pace import CURRENCIES
from trainer.curves.design import PRESETS
from trainer.engine.recipe import NAMED, InvalidRecipe, Recipe
from trainer.models import Curve, Run
from trainer.services.curves import ADAPTIVE, MOST_TRAININGS, Design
from workbench.charts import axis as axes
from workbench.charts.frame import METRICS
from workbench.forms import MAX_SEED, Styled
from workbench.services.planning import Wish
from workbench.views.contexts import curve_presets
from workbench.views.contexts.curve_look import GROUPS, NOBODY, Look

MOST_LABELS = 10_000_000
TARGET: dict[str, Any] = {"min_value": 0.1, "max_value": 100}


def _choices(names: dict[str, str]) -> list[tuple[str, str]]:
    return list(names.items())


class Looking(forms.Form):
    """How a curve is looked at; a choice that makes no sense leaves what is usual."""

    metric = forms.ChoiceField(required=False, choices=_choices(METRICS))
    label = forms.CharField(required=False, max_length=100)
    x = forms.ChoiceField(required=False, choices=_choices(axes.NAMES))
    scale = forms.ChoiceField(required=False, choices=_choices(axes.SCALES))
    target = forms.FloatField(required=False, **TARGET)
    group = forms.ChoiceField(required=False, choices=_choices(GROUPS))
    others = forms.TypedMultipleChoiceField(required=False, coerce=int)

    def __init__(self, curve: Curve, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.classes = curve.dataset.classes
        given = self.data.getlist("others") if hasattr(self.data, "getlist") else []
        self.fields["others"].choices = [(one, one) for one in given if one.isdecimal() and len(one) < 10]  # type: ignore[attr-defined]

    def look(self) -> Look:
        self.is_valid()
        given = {name: value for name, value in self.cleaned_data.items() if value}
        others = [one for one in given.get("others", ()) if one != NOBODY]
        given["others"] = tuple(others) if "others" in self.data else None
        if given.get("label") not in self.classes:
            given.pop("label", None)
        return Look(**given)


class NewCurve(Styled):
    preset = forms.ChoiceField(choices=[(name, name) for name in (*PRESETS, ADAPTIVE)], initial="standard")
    budget = forms.IntegerField(
        required=False,
        min_value=5,
        max_value=MOST_TRAININGS,
        initial=15,
        label="Trainings in all",
        help_text=f"From 5 to {MOST_TRAININGS}: one of every size, each later one where it narrows the band"
        " most.",
    )
    aim = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_LABELS,
        label="Where the band shall be narrow",
        help_text="A number of labels; left empty it is twice as many as there are.",
    )
    recipe = forms.ChoiceField(
        label="Recipe",
        initial="plain",
        help_text="Every point is a training from scratch by it, with steps that grow with the labels.",
    )
    tiers = forms.MultipleChoiceField(
        required=False,
        choices=[(tier, tier.label) for tier in (Curve.Tier.RIDGE, Curve.Tier.LOGISTIC, Curve.Tier.MLP)],
        initial=[Curve.Tier.RIDGE.value, Curve.Tier.MLP.value],
        label="Quick looks first",
    )
    seed = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_SEED,
        help_text="Draws the subsets and starts the trainings. Left empty it is a fresh one; it is recorded.",
    )

    random_only = forms.BooleanField(
        required=False,
        label="Only labels drawn at random",
        help_text="Leaves out what a model asked for. Beside a curve of all labels it tells what the model's"
        " picks are worth.",
    )
    afresh = forms.BooleanField(
        required=False,
        label="Shuffle all labels anew",
        help_text="Otherwise the last curve of this kind goes on with the labels that came since; only new"
        " sizes are trained.",
    )

    def __init__(self, dataset: Dataset, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = [(name, name) for name in NAMED]
        self.fields["recipe"].choices = [*named, *curve_presets.own_recipes(dataset)]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("preset") == ADAPTIVE and not cleaned.get("budget") and "budget" not in self.errors:
            raise ValidationError({"budget": "Say how many trainings it may take in all."})
        if "recipe" in cleaned:
            cleaned["wanted"] = _recipe(cleaned["recipe"])
        return cleaned

    @property
    def design(self) -> Design:
        given = self.cleaned_data
        return Design(given["preset"], given["budget"] or 0, given["aim"] or 0, given["random_only"])


def _recipe(chosen: str) -> str | Recipe:
    """Return the recipe: by its name, or that of a run, which an older version may have written."""
    if not chosen.startswith("run:"):
        return chosen
    try:
        return Recipe.from_json(Run.objects.get(pk=int(chosen.removeprefix("run:"))).recipe)
    except InvalidRecipe as error:
        raise ValidationError({"recipe": f"This recipe cannot be used any more: {error}."}) from error


class Wishing(Styled):
    """What the planner is asked for; it is part of the address."""

    target = forms.FloatField(
        min_value=0.1,
        max_value=99.9,  # nothing is ever sure to be right
        label="Target, %",
        help_text="The accuracy on the frozen test set that you want to reach.",
    )
    risk = forms.FloatField(
        required=False,
        min_value=1,
        max_value=50,
        label="Risk, %",
        help_text="How often the last round may end below the target: 20 means one time in five.",
    )
    rounds = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=10,
        label="Rounds",
        help_text="Purchases until then; after each the curve is computed again and the rest planned anew.",
    )
    budget = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=100_000,
        label="Labels to buy now",
        help_text="Left empty it is the next purchase that the forecast suggests.",
    )

    def wish(self) -> Wish:
        given = self.cleaned_data
        asked = {"risk": given["risk"] and given["risk"] / 100, "rounds": given["rounds"]}
        told = {name: value for name, value in asked.items() if value}
        return Wish(target=given["target"] / 100, budget=given["budget"], **told)


class Price(Styled):
    price = forms.FloatField(
        required=False,
        min_value=0,
        max_value=10_000,
        label="Price of one label",
        help_text="What one label costs you, people and platform together; empty where nobody can say.",
    )
    currency = forms.ChoiceField(choices=[(code, code) for code in CURRENCIES], label="Currency")
