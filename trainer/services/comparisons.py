"""Compares two runs on the same test items, and two recipes over their seeds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction

from trainer.engine import comparison, seeds
from trainer.engine.comparison import Changed, Difference
from trainer.engine.intervals import Interval
from trainer.engine.predictions import TestPredictions
from trainer.engine.recipe import Recipe
from trainer.engine.seeds import Verdict
from trainer.models import Comparison, Run
from trainer.services import runs


class NotComparable(Exception):
    """Two runs were not measured on the same items; the message says so to a person."""


@dataclass(frozen=True, eq=False)
class Paired:
    """Two runs item by item."""

    base: TestPredictions
    other: TestPredictions
    differences: tuple[Difference, ...]
    losses: dict[str, Interval]  # how much lower the other's are
    changed: Changed

    @property
    def discordance(self) -> float:
        """The share of items that one model calls right and the other wrong."""
        return sum(map(len, self.changed)) / len(self.base.labels)

    @property
    def smallest_shown(self) -> float | None:
        return comparison.smallest_difference(len(self.base.labels), self.discordance)


def pair(base: Run, other: Run, seed: int = 0) -> Paired:
    """Return two finished runs item by item; seed draws the bootstrap.

    Raises NotComparable unless both are done and were measured on the same items with the same labels.
    """
    if base.pk == other.pk:
        raise NotComparable(f"{base} was to be compared with itself.")
    first, second = _tested(base), _tested(other)
    if first.fingerprint != second.fingerprint:
        raise NotComparable(f"{base} and {other} were not measured on the same test items and labels.")
    probs, labels = (first.probs, second.probs), first.labels
    return Paired(
        first,
        second,
        comparison.compare(*probs, labels, np.random.default_rng(seed)),
        comparison.compare_losses(*probs, labels, np.random.default_rng(seed)),
        comparison.changed(*probs, labels),
    )


def compare(base: Run, other: Run, seed: int, now: datetime) -> list[Comparison]:
    """Compare two finished runs and keep it, one row a metric; a second time replaces the first.

    Raises NotComparable as pair does.
    """
    found = pair(base, other, seed).differences
    with transaction.atomic():
        return [_keep(base, other, difference, now) for difference in found]


def comparable(run: Run) -> list[Run]:
    """Return the other finished runs that were measured on the same items with the same labels."""
    peers = Run.objects.filter(dataset=run.dataset_id, test_fingerprint=run.test_fingerprint)
    return list(peers.filter(state=Run.State.DONE).exclude(test_fingerprint="").exclude(pk=run.pk))


def group(run: Run) -> dict[int, Run]:
    """Return the finished runs of the same recipe on the same data, by seed; of equal seeds the newest."""
    recipe = Recipe.from_json(run.recipe)
    alike = Run.objects.filter(
        dataset=run.dataset_id,
        state=Run.State.DONE,
        fingerprint=run.fingerprint,
        test_fingerprint=run.test_fingerprint,
    )
    return {one.seed: one for one in alike.order_by("pk") if Recipe.from_json(one.recipe) == recipe}


def seed_pairs(base: Run, other: Run) -> list[tuple[Run, Run]]:
    """Return pairs of runs of the two recipes: equal seeds together, the rest in the order of their seeds.

    Empty where both have the same recipe, or learned from different labels.
    """
    if Recipe.from_json(base.recipe) == Recipe.from_json(other.recipe):
        return []
    if (base.fingerprint, base.test_fingerprint) != (other.fingerprint, other.test_fingerprint):
        return []
    first, second = group(base), group(other)
    shared = sorted(first.keys() & second.keys())
    rest = zip(sorted(first.keys() - second.keys()), sorted(second.keys() - first.keys()), strict=False)
    return [(first[a], second[b]) for a, b in [*zip(shared, shared, strict=True), *rest]]


def across_seeds(pairs: list[tuple[Run, Run]]) -> dict[str, Verdict]:
    """Return the verdict over pairs of runs by metric; empty for fewer than two pairs."""
    if len(pairs) < 2:
        return {}
    n_train, n_test = pairs[0][0].n_train or 1, pairs[0][0].n_test or 1
    return {
        metric: seeds.across(
            *([float(run.metrics[metric]["value"]) for run in side] for side in zip(*pairs, strict=True)),
            n_train=n_train,
            n_test=n_test,
        )
        for metric in comparison.COMPARED
    }


def together(bases: Iterable[int]) -> dict[tuple[int, int], tuple[float, int]]:
    """Return Holm's p-value of each kept comparison with one of these bases, and the size of its family.

    A family is all that was compared with one base: five recipes tried against it are five chances to be
    lucky.  Keys are (base, other); accuracy only, as McNemar's test is.
    """
    families: dict[int, list[Comparison]] = {}
    rows = Comparison.objects.filter(base__in=set(bases), metric="accuracy").exclude(p_value=None)
    for row in rows.order_by("pk"):
        families.setdefault(row.base_id, []).append(row)
    return {
        (row.base_id, row.other_id): (p, len(family))
        for family in families.values()
        for row, p in zip(family, comparison.holm([row.p_value or 0.0 for row in family]), strict=True)
    }


def _tested(run: Run) -> TestPredictions:
    if run.state != Run.State.DONE:
        raise NotComparable(f"{run} is {run.state}; only finished runs can be compared.")
    try:
        return TestPredictions.load(Path(settings.STATE_DIR, run.folder, runs.PREDICTIONS))
    except FileNotFoundError:
        raise NotComparable(f"The predictions of {run} are no longer on disk.") from None


def _keep(base: Run, other: Run, difference: Difference, now: datetime) -> Comparison:
    values = {**difference._asdict(), "created_at": now}
    metric = values.pop("metric")
    row, _ = Comparison.objects.update_or_create(base=base, other=other, metric=metric, defaults=values)
    return row
