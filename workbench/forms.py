"""Forms: what people may fill in, checked at the door."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.exceptions import ValidationError
from django.db.models import F, Q, QuerySet

from labeling.models import Dataset, Sample, SelectionRound
from labeling.quality.models import PictureIssue
from labeling.services import consensus
from labeling.services.choice import LEAST_RANDOM_SHARE
from labeling.strategies.book import NAMES
from trainer.engine.pretraining import Plan
from trainer.engine.recipe import NAMED, NETWORKS, InvalidRecipe
from trainer.models import Study

MAX_ROUND = 5000  # samples: what one push to Label Studio carries in minutes
MAX_OVERLAP = 10
MAX_SEED = 2**31 - 1


class Styled(forms.Form):
    """Gives every widget the look of the pages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.style()

    def style(self) -> None:
        for field in self.fields.values():
            css = "form-select" if isinstance(field.widget, forms.Select) else "form-control"
            field.widget.attrs.setdefault("class", css)


class SignIn(AuthenticationForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-control"


class NewPassword(PasswordChangeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-control"


class SampleFilter(Styled):
    """Which samples to see; every choice lives in the address."""

    ORDERS = {
        "": "As imported",
        "doubt": "Most doubtful first",
        "sure": "Least doubtful first",
        "name": "By name",
    }
    STATES = {
        "": "Any state",
        "labeled": "Labeled",
        "unlabeled": "Not labeled",
        "disputed": "Model disagrees",
        "twins": "Near-equal pictures",
    }
    q = forms.CharField(
        required=False,
        max_length=100,
        label="Name",
        widget=forms.TextInput(attrs={"data-search": "", "placeholder": "part of the name"}),
    )
    state = forms.ChoiceField(required=False, choices=list(STATES.items()), label="State")
    split = forms.ChoiceField(
        required=False, choices=[("", "Both splits"), *Sample.Split.choices], label="Split"
    )
    label = forms.ChoiceField(required=False, label="Label")
    predicted = forms.ChoiceField(required=False, label="Predicted")
    order = forms.ChoiceField(required=False, choices=list(ORDERS.items()), label="Order")

    def __init__(self, dataset: Dataset, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        classes = [(name, name) for name in dataset.classes]
        self.fields["label"].choices = [("", "Any label"), *classes]  # type: ignore[attr-defined]
        self.fields["predicted"].choices = [("", "Any prediction"), *classes]  # type: ignore[attr-defined]

    def narrow(self, rows: QuerySet[Sample]) -> QuerySet[Sample]:
        """Return the rows that the valid choices leave; a choice that makes no sense narrows nothing."""
        self.is_valid()
        chosen = {name: value for name, value in self.cleaned_data.items() if value}
        for name in ("split", "label", "predicted"):
            if name in chosen:
                rows = rows.filter(**{name: chosen[name]})
        if "q" in chosen:
            rows = rows.filter(name__icontains=chosen["q"])
        rows = rows.filter(_STATE_FILTERS[chosen.get("state", "")])
        return rows.order_by(*_ORDERINGS[chosen.get("order", "")])


_STATE_FILTERS = {
    "": Q(),
    "labeled": ~Q(label=""),
    "unlabeled": Q(label=""),
    "disputed": ~Q(label="") & ~Q(predicted="") & ~Q(label=F("predicted")),
    "twins": ~Q(duplicate_group=""),
}
_ORDERINGS: dict[str, tuple[Any, ...]] = {
    "": ("pk",),
    "doubt": (F("doubt").desc(nulls_last=True), "pk"),
    "sure": (F("doubt").asc(nulls_last=True), "pk"),
    "name": ("name", "pk"),
}


class Features(Styled):
    """How features are learned from the pictures alone."""

    network = forms.ChoiceField(
        choices=[(name, name) for name in NETWORKS],
        initial=Plan.network,
        help_text="A training starts from them with the same network, width and resolution.",
    )
    width = forms.IntegerField(min_value=1, max_value=512, initial=Plan.width)
    resolution = forms.IntegerField(
        min_value=8, max_value=512, initial=Plan.resolution, help_text="Pixels a side."
    )
    epochs = forms.IntegerField(
        min_value=1, max_value=10_000, initial=Plan.epochs, help_text="How often each picture is seen."
    )
    batch = forms.IntegerField(min_value=8, max_value=8192, initial=Plan.batch, label="Batch")
    seed = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_SEED,
        help_text="Leave it empty for a fresh one; either way the receipt records it.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                cleaned["plan"] = Plan(**{name: value for name, value in cleaned.items() if name != "seed"})
            except InvalidRecipe as error:
                raise ValidationError(str(error)) from error
        return cleaned


class Embedding(Styled):
    source = forms.CharField(
        max_length=200,
        label="Source",
        help_text="pixels, pretraining:NUMBER, run:NUMBER, or timm:NAME (with :FILE behind it, where the"
        " weights lie in a file).",
    )


class NewStudy(Styled):
    kind = forms.ChoiceField(
        choices=Study.Kind.choices,
        label="Study",
        help_text="A range test finds the learning rate; a batch map weighs batch sizes against epochs.",
    )
    recipe = forms.ChoiceField(choices=[(name, name) for name in NAMED], initial="plain")
    seed = forms.IntegerField(
        required=False, min_value=0, max_value=MAX_SEED, help_text="Leave it empty for a fresh one."
    )


class Consensus(Styled):
    method = forms.ChoiceField(
        choices=[
            (consensus.BEST, "the best that can run"),
            ("crowdlab", "CROWDLAB: people and the model"),
            ("dawid-skene", "Dawid-Skene: people alone"),
            ("majority", "the majority"),
        ],
        initial=consensus.BEST,
    )


class Review(Styled):
    """Doubtful labels that people shall look at again, blind; `issues` are the boxes ticked in the list."""

    issues = forms.TypedMultipleChoiceField(
        coerce=int, error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose some labels.")
    )
    overlap = forms.IntegerField(
        min_value=1,
        max_value=MAX_OVERLAP,
        initial=1,
        label="Opinions on each",
        help_text="Two or more decide by majority; a tie waits for one more.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["issues"].choices = _ticked(self.data)  # type: ignore[attr-defined]


class PictureReview(forms.Form):
    """Pictures that somebody looked at; `issues` are the boxes ticked in the list."""

    issues = forms.TypedMultipleChoiceField(coerce=int)
    reopen = forms.BooleanField(required=False)
    kind = forms.ChoiceField(choices=[("", "all"), *PictureIssue.Kind.choices], required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["issues"].choices = _ticked(self.data)  # type: ignore[attr-defined]

    @property
    def place(self) -> str:
        """The query of the list that the form stood in."""
        told = {"kind": self.cleaned_data.get("kind", "")}
        return urlencode(told | ({"dismissed": "1"} if self.cleaned_data.get("reopen") else {}))


def _ticked(data: Any) -> list[tuple[str, str]]:
    """Return the numbers among the ticked boxes, as choices."""
    ticked = data.getlist("issues") if hasattr(data, "getlist") else []
    return [(one, one) for one in ticked if one.isdecimal() and int(one) < 2**31]


class NextRound(Styled):
    count = forms.IntegerField(min_value=1, max_value=MAX_ROUND, initial=100, label="Samples")
    strategy = forms.ChoiceField(
        choices=[(name, SelectionRound.Strategy(name).label) for name in NAMES], label="Chosen"
    )
    random_share = forms.FloatField(
        min_value=LEAST_RANDOM_SHARE,
        max_value=1,
        initial=0.2,
        label="Random share",
        help_text="Drawn at random among them, so that what they teach stays unbiased.",
    )
    overlap = forms.IntegerField(
        min_value=1, max_value=MAX_OVERLAP, initial=1, label="Annotations per sample"
    )


class NewImport(Styled):
    """Pictures from a folder of the machine that Seedbed runs on."""

    name = forms.CharField(
        min_length=3, max_length=50, label="Dataset", help_text="A new name, or that of a dataset to add to."
    )
    folder = forms.CharField(
        max_length=500,
        help_text="On the machine that Seedbed runs on. Sub-folders with pictures name the classes.",
    )
    labels_csv = forms.CharField(
        required=False,
        max_length=500,
        label="Labels (CSV)",
        help_text="Optional, for a flat folder: a table whose first line is file,label.",
    )
    classes = forms.CharField(
        required=False,
        max_length=2000,
        label="Classes",
        help_text="Optional, for pictures without labels: good, scratch, dent.",
    )
    keep_labels = forms.ChoiceField(
        choices=[
            ("all", "for training and test"),
            ("test", "for the test split only: people label the rest"),
        ],
        label="Use the labels",
    )

    def clean_folder(self) -> Path:
        folder = Path(self.cleaned_data["folder"]).expanduser()
        if not folder.is_absolute() or not folder.is_dir():
            raise ValidationError("There is no such folder. Give its full path, e.g. /data/leaves.")
        return folder

    def clean_classes(self) -> list[str]:
        return [name.strip() for name in self.cleaned_data["classes"].split(",") if name.strip()]

    def clean_labels_csv(self) -> Path | None:
        if not self.cleaned_data["labels_csv"]:
            return None
        file = Path(self.cleaned_data["labels_csv"]).expanduser()
        if not file.is_absolute() or not file.is_file():
            raise ValidationError("There is no such file. Give its full path.")
        return file
