"""Forecasts of every class's recall against its own labels, where classes share what is known of the rate."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.curves import guards
from trainer.curves.families import RatePrior
from trainer.curves.fit import Points, fit, summarize
from trainer.curves.forecast import forecast
from trainer.curves.outlook import Forecast

POOLED_SPREAD = 0.3  # sd of the log rate among classes of one dataset: their test items are few
FEWEST_POOLED = 3  # classes whose median rate is worth a prior; fewer would only echo themselves
FEWEST_TEST_ITEMS = 10  # of a class: below, one item moves the recall by more than 10 points
LIKE = 1.25  # ratio below which numbers that differ by one are the same size
CHANCE_ERROR = 1.0  # of a class that is never named


@dataclass(frozen=True)
class ClassRuns:
    """What trainings said of one class: K sizes, ascending, and the errors (1 - recall) of every run.

    n[k] is the number of labels of this class at size k, which may be 0 and may repeat; runs[k] holds the
    errors there, on the n_test test items of the class.
    """

    name: str
    n: tuple[int, ...]
    runs: tuple[tuple[float, ...], ...]
    n_test: int


def forecasts(classes: Sequence[ClassRuns], *, widen: float | None = None) -> tuple[Forecast, ...]:
    """Return the forecast of each class's recall, in the order given; a sentence where there can be none.

    A class is first fitted alone.  The median of the rates so found becomes the center of all rates' prior,
    which is narrow, and every class is forecast under it: rates are shared, floors and scales are not.
    Where a class has no test items, its last_value is 0 and says nothing; `refused` says why.
    """
    merged = [_merged(one) for one in classes]
    refused = [_refusal(one) for one in merged]
    alone = [_rate(one) for one, why in zip(merged, refused, strict=True) if not why]
    prior = RatePrior(float(np.median(alone)), POOLED_SPREAD) if len(alone) >= FEWEST_POOLED else None
    return tuple(
        Forecast((), _last_value(one), False, why, ())
        if why
        else forecast(
            one.n, one.runs, chance_error=CHANCE_ERROR, n_test=one.n_test, rate_prior=prior, widen=widen
        )
        for one, why in zip(merged, refused, strict=True)
    )


def _merged(one: ClassRuns) -> ClassRuns:
    """Return the class with the runs of like numbers of labels together, and without sizes of none.

    The repeats of one size hold the same number of labels of a class, or one more or less.
    """
    if len(one.n) != len(one.runs):
        raise ValueError(f'class "{one.name}": {len(one.n)} sizes, but runs of {len(one.runs)}')
    groups: list[list[tuple[int, float]]] = []
    for n, errors in sorted(zip(one.n, one.runs, strict=True)):
        if n <= 0 or not errors:
            continue
        if not groups or not _alike(groups[-1][0][0], n):
            groups.append([])
        groups[-1] += [(n, error) for error in errors]
    sizes = tuple(round(float(np.mean([n for n, _ in group]))) for group in groups)
    return ClassRuns(
        one.name, sizes, tuple(tuple(error for _, error in group) for group in groups), one.n_test
    )


def _alike(fewer: int, more: int) -> bool:
    """Tell whether two numbers of labels are repeats of one size; of a handful every label counts."""
    return more - fewer <= 1 and more < LIKE * fewer


def _refusal(one: ClassRuns) -> str:
    """Return why nothing can be foreseen of this class, or ""."""
    if one.n_test == 0:
        return f'Class "{one.name}" has no test items: its recall cannot be measured.'
    if one.n_test < FEWEST_TEST_ITEMS:
        return (
            f'Class "{one.name}" has {one.n_test} test items: too few to foresee its recall, '
            f"which takes at least {FEWEST_TEST_ITEMS}."
        )
    if not one.n:
        return f'Class "{one.name}" has no label in any training.'
    errors = {error for run in one.runs for error in run}
    if errors == {0.0}:
        return (
            f'All {one.n_test} test items of class "{one.name}" were recognized at every size: '
            "nothing is left to foresee on them."
        )
    if errors == {1.0}:
        return (
            f'None of the {one.n_test} test items of class "{one.name}" was recognized at any size: '
            "when that begins cannot be foreseen."
        )
    return guards.refusal(_points(one))


def _points(one: ClassRuns) -> Points:
    return summarize(one.n, one.runs, one.n_test)


def _rate(one: ClassRuns) -> float:
    """Return the posterior's geometric mean of the rate, over all families that have one."""
    parts = [part for part in fit(_points(one), CHANCE_ERROR).parts if len(part.family.rates)]
    logs = np.concatenate([np.log(part.family.rates[part.rows]) for part in parts])
    return float(np.exp(np.average(logs, weights=np.concatenate([part.weight for part in parts]))))


def _last_value(one: ClassRuns) -> float:
    return 1 - float(np.mean(one.runs[-1])) if one.n_test and one.runs else 0.0
