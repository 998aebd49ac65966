"""The forms of the models page: the gate's rule, and a promotion by hand."""

from __future__ import annotations

from typing import Any

from django import forms

from labeling.models import Dataset
from trainer.engine.gate import MARGINS, METRICS, NOT_WORSE, RULES, Rule
from trainer.models import ModelVersion, Promotion
from trainer.services import registry
from workbench.forms import Styled


class Gate(Styled):
    """What a candidate has to show."""

    metric = forms.ChoiceField(choices=list(METRICS.items()), label="Measured by")
    rule = forms.ChoiceField(choices=[(name, words.capitalize()) for name, words in RULES.items()])
    margin_points = forms.FloatField(
        min_value=100 * MARGINS[0],
        max_value=100 * MARGINS[1],
        label="Largest loss, points",
        help_text=f"Only for “{RULES[NOT_WORSE]}”.",
    )

    @classmethod
    def of(cls, dataset: Dataset, data: Any = None) -> Gate:
        rule = registry.rule_of(dataset)
        return cls(
            data,
            initial={"metric": rule.metric, "rule": rule.kind, "margin_points": round(100 * rule.margin, 2)},
        )

    def chosen(self) -> Rule:
        values = self.cleaned_data
        return Rule(values["metric"], values["rule"], values["margin_points"] / 100)


class Promote(Styled):
    """One version of the dataset that is not the current one, and why."""

    version = forms.ModelChoiceField(ModelVersion.objects.none(), empty_label=None)
    reason = forms.CharField(
        max_length=Promotion.REASON_CHARS,
        required=False,
        help_text="Stands in the history, for those who ask later.",
    )

    def __init__(self, dataset: Dataset, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = dataset.versions.exclude(state=ModelVersion.State.CURRENT).select_related("run", "dataset")
        self.fields["version"].queryset = others  # type: ignore[attr-defined]
        self.fields["version"].label_from_instance = _in_words  # type: ignore[attr-defined]


def _in_words(version: ModelVersion) -> str:
    accuracy = version.run.metrics.get("accuracy")
    measured = f", accuracy {100 * accuracy['value']:.1f} %" if accuracy else ""
    return f"{version.number}: {version.run.name}{measured}, {version.state}"
