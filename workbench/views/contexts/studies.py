"""What the pages and the JSON API show of studies: range tests and batch maps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from labeling.models import Dataset
from trainer.engine.recipe import NAMED
from trainer.models import Study
from workbench import study_charts
from workbench.charts.frame import Info, Option
from workbench.views.contexts.figures import Interval, interval


@dataclass(frozen=True)
class StudyRow:
    id: int
    kind: str
    words: str
    state: str
    network: str
    recipe: str  # its name; empty where it is nobody's but the study's own
    seed: int
    job: str
    error: str
    created_at: datetime


@dataclass(frozen=True)
class CellRow:
    batch: int
    epochs: float
    steps: int
    samples: int
    rate: float
    n: int
    accuracy: Interval | None
    cpu_s: float
    best: bool
    tied: bool  # its interval overlaps the best one's
    trouble: str


@dataclass(frozen=True)
class StudyPage:
    row: StudyRow
    n_train: int | None
    n_validation: int | None
    chosen: float | None
    steepest: float | None
    curve: Info
    cells: tuple[CellRow, ...]


def study_row(study: Study) -> StudyRow:
    return StudyRow(
        id=study.pk,
        kind=study.kind,
        words=study.get_kind_display(),
        state=study.state,
        network=study.recipe["network"],
        recipe=_name(study.recipe),
        seed=study.seed,
        job=study.job,
        error=study.error,
        created_at=study.created_at,
    )


def _name(recipe: dict[str, object]) -> str:
    return next((name for name, named in NAMED.items() if named.to_json() == recipe), "")


def study_rows(dataset: Dataset) -> tuple[StudyRow, ...]:
    return tuple(study_row(study) for study in dataset.studies.defer("result", "receipt"))


def study_page(study: Study) -> StudyPage:
    return StudyPage(
        row=study_row(study),
        n_train=study.n_train,
        n_validation=study.n_validation,
        chosen=study.result.get("chosen"),
        steepest=study.result.get("steepest"),
        curve=study_charts.range_info(study.result),
        cells=_cells(study),
    )


def _cells(study: Study) -> tuple[CellRow, ...]:
    cells = study.result.get("cells", [])
    best, tied = study_charts.best_cell(cells), study_charts.ties(cells)
    return tuple(
        CellRow(
            **{name: cell[name] for name in ("batch", "epochs", "steps", "samples", "rate", "n", "cpu_s")},
            accuracy=interval(cell["accuracy"]),
            best=number == best,
            tied=tied[number] and number != best,
            trouble=cell["trouble"],
        )
        for number, cell in enumerate(cells)
    )


def curve_options(info: Info) -> dict[str, Option]:
    """Return the chart's option in both themes."""
    return {
        "light": study_charts.range_option(info),
        "dark": study_charts.range_option(info, dark=True),
    }
