"""Keeps how many labels one curve's label is worth on another."""

from collections.abc import Mapping
from datetime import datetime

from labeling.models import Dataset
from trainer.models import Curve, Multiplier


def record(base: Curve, other: Curve, metric: str, found: Mapping[str, object], now: datetime) -> None:
    """Keep a multiplier; a newer one of the same two curves takes the place of the one before."""
    Multiplier.objects.update_or_create(
        base=base, other=other, metric=metric, defaults={"found": found, "created_at": now}
    )


def rows(dataset: Dataset, metric: str) -> tuple[Multiplier, ...]:
    """Return the dataset's multipliers in one metric, newest first."""
    found = Multiplier.objects.filter(base__dataset=dataset, metric=metric)
    return tuple(found.select_related("base", "other"))


def peers(curve: Curve) -> list[Curve]:
    """Return the finished curves that a just finished one is compared with: the newest of each kind.

    All were measured on the same test items; kinds differ in recipe, tier, or the features they start from.
    A curve's own heads count, though they have higher numbers.
    """
    others = Curve.objects.filter(dataset=curve.dataset_id, test_set=curve.test_set).exclude(pk=curve.pk)
    newest: dict[object, Curve] = {}
    for other in others.exclude(test_set="").finished():
        newest.setdefault(other.kind, other)
    newest.pop(curve.kind, None)
    return list(newest.values())
