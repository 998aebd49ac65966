"""The form of a retrain rule, for the page and the API."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from trainer.engine.recipe import DESCRIPTIONS, NAMED, InvalidRecipe, Recipe
from workbench.forms import Styled
from workbench.models import RetrainRule
from workbench.retraining.schedule import DAYS

OWN = "own"
MAX_SEEDS = 10
MAX_HOURS = 24 * 366
MAX_COUNT = 2**31 - 1  # what every database can hold
PROPOSED = {"every_labels": 100, "max_trainings": 4}  # in the form of a dataset that has no rule yet
FIELDS = (
    *("enabled", "seeds", "every_labels", "schedule", "every_hours", "at", "weekday", "floor"),
    *("window", "max_trainings", "max_seconds", "promote"),
)
NEEDED = {  # what a kind of schedule needs, and how to ask for it
    "hours": {"every_hours": "Say after how many hours."},
    "daily": {"at": "Say at what time."},
    "weekly": {"at": "Say at what time.", "weekday": "Say on which day."},
}


def _number(label: str, help_text: str, *, low: int = 1, high: int = MAX_COUNT) -> forms.IntegerField:
    return forms.IntegerField(required=False, min_value=low, max_value=high, label=label, help_text=help_text)


class RetrainForm(Styled):
    """When, what and within which bounds a dataset is trained again by itself."""

    enabled = forms.BooleanField(
        required=False,
        label="Retrain by itself",
        help_text="While this is off, only people start trainings.",
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
    )
    recipe = forms.ChoiceField(
        choices=[*((name, name) for name in NAMED), (OWN, "a recipe of your own")],
        label="Recipe",
        help_text=" ".join(f"{name}: {words}" for name, words in DESCRIPTIONS.items()),
    )
    own_recipe = forms.JSONField(
        required=False,
        label="Your own recipe",
        help_text="Choices as JSON, e.g. the recipe.json of a run; what is left out takes its default.",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        error_messages={"invalid": "This is no JSON. Paste the whole recipe.json of a run."},
    )
    seeds = forms.IntegerField(
        min_value=1,
        max_value=MAX_SEEDS,
        label="Trainings each time",
        help_text="More than one shows how much chance there is in the result; each has a seed of its own.",
    )
    every_labels = _number(
        "New labels", "Train when so many labels have come since the last training. Empty: never."
    )
    schedule = forms.ChoiceField(
        choices=[
            ("never", "no schedule"),
            ("hours", "every so many hours"),
            ("daily", "every day"),
            ("weekly", "every week"),
        ],
        label="Schedule",
        help_text="A moment that was missed, because the machine was off, is caught up once.",
    )
    every_hours = _number("Hours", "Counted from the last training.", high=MAX_HOURS)
    weekday = forms.TypedChoiceField(
        required=False,
        coerce=int,
        empty_value=None,
        choices=[("", "choose a day"), *enumerate(DAYS)],
        label="Day",
    )
    at = forms.TimeField(
        required=False,
        label="Time",
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
        error_messages={"invalid": "Give the time as hours and minutes, e.g. 03:00."},
    )
    floor = _number(
        "Labels in every class",
        "Train when the last class has so many training labels, and never by itself before that. Empty: no"
        " such floor.",
    )
    max_trainings = _number("Trainings at most", "Started by the rule, one for each seed. Empty: no bound.")
    max_seconds = _number(
        "Seconds of computing at most",
        "CPU time, or time on the GPU, by the receipts of past trainings and an estimate of the next one."
        " Empty: no bound.",
    )
    window = forms.ChoiceField(
        choices=[("day", "in any 24 hours"), ("month", "in any 30 days")],
        label="Counted",
        help_text="The window moves with the clock: what is older has left it.",
    )
    promote = forms.ChoiceField(
        choices=[("gate", "if it passes the gate"), ("never", "never by itself")],
        label="Promote the new model",
        help_text="The gate compares it with the present model on the same test pictures.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name, sentence in NEEDED.get(cleaned.get("schedule", ""), {}).items():
            if cleaned.get(name) is None and name not in self.errors:
                self.add_error(name, sentence)
        if cleaned.get("recipe") == OWN and "own_recipe" not in self.errors:
            self._check_own(cleaned.get("own_recipe"))
        if cleaned.get("enabled") and not self.errors and not _has_trigger(cleaned):
            raise ValidationError(
                "Nothing would ever start a training: give a number of new labels, a schedule or labels in"
                " every class, or leave the rule off."
            )
        return cleaned

    def _check_own(self, values: object) -> None:
        try:
            if not isinstance(values, dict):
                raise InvalidRecipe('Paste a recipe as a JSON object, e.g. {"width": 16}.')
            Recipe.from_json(values)
        except InvalidRecipe as wrong:
            self.add_error("own_recipe", f"{str(wrong)[:1].upper()}{str(wrong)[1:]}")

    def fill(self, rule: RetrainRule) -> None:
        """Write the valid choices to the row; call save_rule to keep it."""
        for name in FIELDS:
            setattr(rule, name, self.cleaned_data[name])
        own = self.cleaned_data["recipe"] == OWN
        rule.recipe_name = "" if own else self.cleaned_data["recipe"]
        rule.own_recipe = Recipe.from_json(self.cleaned_data["own_recipe"]).to_json() if own else None


def _has_trigger(cleaned: dict[str, Any]) -> bool:
    return bool(cleaned["every_labels"] or cleaned["floor"] or cleaned["schedule"] != "never")


def _differing(recipe: dict[str, object]) -> dict[str, object]:
    """Return what a recipe sets otherwise than the defaults, which are many."""
    usual = Recipe().to_json()
    return {name: value for name, value in recipe.items() if name not in usual or value != usual[name]}


def initial(rule: RetrainRule) -> dict[str, object]:
    """Return what the form shows of a rule; proposals where there is none yet."""
    values: dict[str, object] = {name: getattr(rule, name) for name in FIELDS}
    values["recipe"] = rule.recipe_name if rule.own_recipe is None else OWN
    values["own_recipe"] = rule.own_recipe and _differing(rule.own_recipe)
    return values | (PROPOSED if rule.pk is None else {})
