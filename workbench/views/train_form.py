"""The form that starts a training: a named recipe, and any of its fields changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField

from trainer.engine import recipe_fields
from trainer.engine.recipe import CHOICES, NAMED, OPTIONAL, RANGES, InvalidRecipe, Recipe
from trainer.engine.recipe_fields import Field
from workbench.forms import MAX_SEED, Styled

AS_NAMED = "as the recipe says"
NONE = "none"  # what a choice of nothing is called
RANGES_OF_OPTIONAL = {"rebalance": (0.0, 1.0)}


class Training(Styled):
    """Every field of a recipe; what is left empty stays as the named recipe says."""

    recipe = forms.ChoiceField(choices=[(name, name) for name in NAMED], initial="plain")
    seed = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_SEED,
        help_text="Leave it empty for a fresh one; either way the receipt records it.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = NAMED.get(str(self["recipe"].value()), NAMED["plain"])
        for told in _told():
            self.fields[told.name] = _field(told, getattr(named, told.name))
        self.style()

    @property
    def is_touched(self) -> bool:
        """True if any field of a recipe holds something."""
        return any(self[told.name].value() not in ("", None) for told in _told())

    def groups(self) -> Iterator[tuple[str, list[BoundField]]]:
        """Yield the recipe's fields as they stand on the page."""
        for title, fields in recipe_fields.GROUPS.items():
            yield title, [self[told.name] for told in fields]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if "recipe" in cleaned and not self.errors:
            try:
                cleaned["chosen"] = self._chosen(cleaned)
            except InvalidRecipe as error:
                name = str(error).split()[0]  # it begins with the field that is wrong
                raise ValidationError({name if name in self.fields else "__all__": str(error)}) from error
        return cleaned

    @staticmethod
    def _chosen(cleaned: dict[str, Any]) -> Recipe | str:
        """Return the recipe's name, or the recipe itself where a single choice differs."""
        named = NAMED[cleaned["recipe"]]
        given = {told.name: cleaned.get(told.name) for told in _told()}
        changed: dict[str, Any] = {
            name: None if value == NONE else value for name, value in given.items() if value not in ("", None)
        }
        recipe = dataclasses.replace(named, **changed)
        return str(cleaned["recipe"]) if recipe == named else recipe


def _told() -> Iterator[Field]:
    for fields in recipe_fields.GROUPS.values():
        yield from fields


def _field(told: Field, named: object) -> forms.Field:
    """Return the form's field: a choice, a number within its range, or a word; empty it means `named`."""
    common: dict[str, Any] = {"required": False, "label": told.label}
    says = NONE if named is None else str(named)
    if told.name in CHOICES or told.name in OPTIONAL:
        none = [(NONE, NONE)] if told.name in OPTIONAL else []
        known = CHOICES.get(told.name) or OPTIONAL[told.name]
        choices = [("", f"{AS_NAMED}: {says}"), *none, *((name, name) for name in known)]
        return forms.ChoiceField(choices=choices, help_text=told.help, **common)
    limits = RANGES.get(told.name) or RANGES_OF_OPTIONAL.get(told.name)
    if limits is None:
        word = forms.TextInput(attrs={"placeholder": says})
        return forms.CharField(max_length=300, help_text=told.help, widget=word, **common)
    low, high = limits
    kind: Any = forms.IntegerField if isinstance(high, int) else forms.FloatField
    told_range = f"{told.help} From {_plain(low)} to {_plain(high)}."
    box = forms.NumberInput(attrs={"placeholder": says})
    number: forms.Field = kind(min_value=low, max_value=high, help_text=told_range, widget=box, **common)
    return number


def _plain(bound: float) -> str:
    """1e-06 -> "0.000001", 1000000 -> "1,000,000": a person reads no exponents."""
    return f"{bound:,.6f}".rstrip("0").rstrip(".")
