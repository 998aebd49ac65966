"""What the pages and the JSON API show of runs: the list, and one run in full."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from augment.plans import PlanRow
from labeling.models import Dataset
from trainer.engine.recipe import DESCRIPTIONS
from trainer.engine.recipe_fields import LABELS
from trainer.models import Run
from workbench.charts import training
from workbench.charts.frame import Info, Option
from workbench.views.contexts import extras, jobs
from workbench.views.contexts.comparisons import ComparisonRow, comparison_rows
from workbench.views.contexts.figures import METRICS, Figure, Interval, interval, losses, scores
from workbench.views.contexts.out_of_fold import OutOfFold, out_of_fold

RECEIPT = {  # what is left out speaks for itself: names of libraries
    "duration_s": "Duration, s",
    "cpu_s": "CPU time, s",
    "gpu_s": "GPU time, s",
    "peak_mib": "Peak memory, MiB",
    "gpu_peak_mib": "Peak GPU memory, MiB",
    "steps": "Optimizer steps",
    "device": "Device",
    "code": "Code version",
    "weights": "Weights, SHA-256",
}


@dataclass(frozen=True)
class RunRow:
    id: int
    dataset_id: int
    name: str
    state: str
    seed: int
    n_train: int | None
    n_test: int | None
    accuracy: Interval | None
    balanced_accuracy: Interval | None
    macro_f1: Interval | None
    job: str
    created_at: datetime
    finished_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.state in (Run.State.WAITING, Run.State.RUNNING)


@dataclass(frozen=True)
class ClassScore:
    name: str
    n: int
    precision: Interval | None
    recall: Interval | None


@dataclass(frozen=True)
class ConfusionRow:
    name: str
    cells: tuple[tuple[int, int], ...]  # (count, shade 0 to 5 by share of the row)
    n: int


@dataclass(frozen=True)
class RunPage:
    row: RunRow
    description: str
    recipe: tuple[tuple[str, Any], ...]
    plan: tuple[PlanRow, ...]
    metrics: tuple[tuple[str, Interval], ...]
    figures: tuple[tuple[str, Figure], ...]  # of the probabilities; down is good
    classes: tuple[ClassScore, ...]
    confusion: tuple[ConfusionRow, ...]
    class_names: tuple[str, ...]
    history: Info
    receipt: tuple[tuple[str, Any], ...]
    command: str
    fingerprint: str
    out_of_fold: OutOfFold | None
    comparisons: tuple[ComparisonRow, ...]
    error: str
    duration_s: float | None
    warnings: tuple[str, ...]
    extras: tuple[str, ...]  # sentences
    held_out: int  # of the training labels: early stopping looked at them, nothing learned from them

    @property
    def plan_largest(self) -> int:
        """The longest bar of the plan."""
        return max((row.train for row in self.plan), default=0) or 1


def run_row(run: Run) -> RunRow:
    return RunRow(
        id=run.pk,
        dataset_id=run.dataset_id,
        name=run.name,
        state=run.state,
        seed=run.seed,
        n_train=run.n_train,
        n_test=run.n_test,
        **{name: interval(run.metrics.get(name)) for name in METRICS},
        job=run.job,
        created_at=run.created_at,
        finished_at=run.finished_at,
    )


def run_rows(dataset: Dataset) -> tuple[RunRow, ...]:
    return tuple(run_row(run) for run in Run.objects.filter(dataset=dataset).defer("history", "receipt"))


def run_page(run: Run) -> RunPage:
    classes = tuple(run.dataset.classes)
    receipt = dict(run.receipt)
    command = str(receipt.pop("command", ""))
    return RunPage(
        row=run_row(run),
        description=DESCRIPTIONS.get(run.name, ""),
        recipe=in_words(run.recipe, LABELS),
        plan=_plan_rows(run.plan),
        metrics=scores(run.metrics),
        figures=losses(run.metrics),
        classes=_class_scores(classes, run.metrics.get("classes", [])),
        confusion=confusion_rows(classes, run.metrics.get("confusion", [])),
        class_names=classes,
        history=training.run_history_info(run.history or jobs.trail(run.job)),
        receipt=in_words(receipt, RECEIPT),
        command=command,
        fingerprint=run.fingerprint,
        out_of_fold=out_of_fold(run),
        comparisons=comparison_rows(Q(base=run) | Q(other=run)),
        error=run.error,
        duration_s=receipt.get("duration_s"),
        warnings=tuple(run.extras.get("warnings", ())),
        extras=extras.sentences(run.extras),
        held_out=run.extras.get("validation", {}).get("n", 0),
    )


def history_options(run: Run, history: Info) -> dict[str, Option]:
    """Return the chart's option in both themes; a run that holds labels out has a line for them at once."""
    validated = bool(run.recipe.get("validation"))
    return {
        "light": training.run_history_option(history, validated=validated),
        "dark": training.run_history_option(history, dark=True, validated=validated),
    }


def in_words(values: dict[str, Any], words: dict[str, str]) -> tuple[tuple[str, Any], ...]:
    """Return the values under their words, in the order of the words; what has none comes last, as it is."""
    known = [name for name in words if name in values]
    rest = [name for name in values if name not in words]
    return tuple((words.get(name, name), values[name]) for name in known + rest)


def _plan_rows(plan: list[dict[str, Any]] | None) -> tuple[PlanRow, ...]:
    return tuple(PlanRow(row["class"], row["have"], row["train"], row["extra"]) for row in plan or [])


def _class_scores(names: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> tuple[ClassScore, ...]:
    return tuple(
        ClassScore(name, row["n"], interval(row["precision"]), interval(row["recall"]))
        for name, row in zip(names, rows, strict=False)
    )


def confusion_rows(names: tuple[str, ...], table: list[list[int]]) -> tuple[ConfusionRow, ...]:
    """Shade each count by its share of the truth's row: the confused pair shows, not the big class."""
    return tuple(
        ConfusionRow(name, tuple((c, math.ceil(5 * c / (sum(row) or 1))) for c in row), sum(row))
        for name, row in zip(names, table, strict=False)
    )
