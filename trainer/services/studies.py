"""Opens studies and keeps what came of them: range tests of the learning rate, maps of batch sizes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db.models import F, QuerySet
from numpy.typing import NDArray

from labeling.models import Dataset
from labeling.snapshot import Snapshot
from trainer.engine import stopping
from trainer.engine.recipe import Recipe
from trainer.models import Run, Study
from trainer.search.limits import FEWEST_STEPS, MOST_CELLS, MOST_STEPS, STEPS
from trainer.services import runs
from trainer.services.runs import NotTrainable

HELD_OUT = 0.2  # share of the training labels that a map measures on
BATCHES, EPOCHS = (16, 32, 64, 128), (5.0, 15.0)

Rows = NDArray[np.int64]


class NoStudy(Exception):
    """What was asked for cannot be tried; the message says why, for a person."""


@dataclass(frozen=True)
class Options:
    """What a study tries.  Raises NoStudy for what makes no sense whatever the data."""

    steps: int = STEPS  # of a range test
    batches: tuple[int, ...] = BATCHES  # of a map
    epochs: tuple[float, ...] = EPOCHS

    def __post_init__(self) -> None:
        if not FEWEST_STEPS <= self.steps <= MOST_STEPS:
            raise NoStudy(f"Steps must lie in [{FEWEST_STEPS}, {MOST_STEPS}], got {self.steps}.")
        cells = len(set(self.batches)) * len(set(self.epochs))
        if not 1 <= cells <= MOST_CELLS:
            raise NoStudy(f"A map has 1 to {MOST_CELLS} trainings, got {cells}.")
        if not 2 <= min(self.batches) <= max(self.batches) <= 65_536:
            raise NoStudy(f"Batches must lie in [2, 65536], got {min(self.batches)} to {max(self.batches)}.")
        if not 0 < min(self.epochs) <= max(self.epochs) <= 1000:
            raise NoStudy(
                f"Epochs must lie above 0 and up to 1000, got {min(self.epochs):g} to {max(self.epochs):g}."
            )

    @classmethod
    def of(cls, study: Study) -> "Options":
        kept = dict(study.options)
        return cls(kept["steps"], tuple(kept["batches"]), tuple(kept["epochs"]))


def open_study(
    dataset: Dataset, kind: str, recipe: Recipe, options: Options, seed: int, now: datetime
) -> Study:
    """Return a waiting study; its data are frozen when it begins."""
    return Study.objects.create(
        dataset=dataset,
        kind=kind,
        recipe=recipe.to_json(),
        options=asdict(options),
        seed=seed,
        created_at=now,
    )


def begin(study_id: int, now: datetime) -> Study | None:
    """Start the study's next attempt; None if the study is gone or done."""
    changed = (
        Study.objects.filter(pk=study_id)
        .exclude(state=Run.State.DONE)
        .update(
            state=Run.State.RUNNING,
            attempt=F("attempt") + 1,
            started_at=now,
            finished_at=None,
            error="",
        )
    )
    return Study.objects.select_related("dataset").get(pk=study_id) if changed else None


def choose_rows(study: Study, snapshot: Snapshot) -> tuple[Rows, Rows]:
    """Return the rows to train on and those to measure on, and write down how many there are.

    Never a test row.  A range test reads training losses alone, so it holds nothing out.  What an earlier
    attempt found on other data is dropped.  Raises NotTrainable where there is nothing to learn from.
    """
    rows = snapshot.train_rows
    if len(np.unique(snapshot.labels[rows])) < 2:
        raise NotTrainable(f"A study needs training labels of two classes; {study.dataset} has {len(rows)}.")
    learning, watching = rows, rows[:0]
    if study.kind == Study.Kind.BATCH_MAP:
        groups = [snapshot.groups[row] for row in rows]
        rng = np.random.default_rng(study.seed)
        kept, held = stopping.split(snapshot.labels[rows], groups, HELD_OUT, rng)
        learning, watching = rows[kept], rows[held]
    if study.fingerprint != snapshot.fingerprint:
        study.result = {}
    study.fingerprint = snapshot.fingerprint
    study.n_train, study.n_validation = len(learning), len(watching)
    study.save(update_fields=["fingerprint", "n_train", "n_validation", "result"])
    return learning, watching


def cells(study: Study) -> list[dict[str, Any]]:
    """Return the cells of a map that are measured already."""
    return list(study.result.get("cells", []))


def keep(study: Study, result: Mapping[str, object]) -> None:
    """Write down what is known so far, unless a later attempt took the study over."""
    study.result = dict(result)
    _of(study).update(result=study.result)


def record(study: Study, result: Mapping[str, object], receipt: Mapping[str, object], now: datetime) -> bool:
    """Close the study as done; False if this attempt no longer counts."""
    return bool(
        _of(study).update(state=Run.State.DONE, result=dict(result), receipt=dict(receipt), finished_at=now)
    )


def abandon(study_id: int, state: str, error: str, now: datetime) -> None:
    """Close an open study; what it has measured stays, and one that has ended stays as it ended."""
    Study.objects.filter(pk=study_id, state__in=runs.OPEN).update(state=state, error=error, finished_at=now)


def _of(study: Study) -> QuerySet[Study]:
    return Study.objects.filter(pk=study.pk, state=Run.State.RUNNING, attempt=study.attempt)
