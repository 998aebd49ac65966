"""What is foreseen when a curve is whole.  Heavy modules are imported inside, as in trainer.jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.utils import timezone

from labeling.snapshot import Snapshot
from trainer.curves import recalibration
from trainer.models import Curve
from trainer.services import forecasts, multipliers, outlooks
from trainer.services.forecasts import Kept


def close(row: Curve, snapshot: Snapshot) -> bool:
    """Score the forecasts before a curve that is whole, compare it with its peers, and keep its own.

    In this order: all but the last may be done twice, so a kill in between loses nothing.  False if another
    worker closed the curve.
    """
    now, chances = timezone.now(), forecasts.chances(snapshot)
    forecasts.score_with(row, now)
    for peer in multipliers.peers(row):
        base, trick = sorted((peer, row), key=lambda one: (one.tier != Curve.Tier.RECIPE, one.pk))
        for metric in outlooks.METRICS:
            multipliers.record(base, trick, metric, _worth(base, trick, metric, chances[metric]), now)
    return forecasts.record(row, [*_overall(row, chances), *_by_class(row)], now)


def _overall(row: Curve, chances: Mapping[str, float]) -> Iterator[Kept]:
    from trainer.curves import forecast

    for metric in outlooks.METRICS:
        widen = _widen(row, metric)
        said = forecast.of_points(outlooks.outlook_of(row, metric), chances[metric], widen=widen)
        yield Kept(metric, "", said, chances[metric], widen or 1.0)


def _by_class(row: Curve) -> Iterator[Kept]:
    from trainer.curves import per_class
    from trainer.curves.per_class import ClassRuns

    widen = _widen(row, outlooks.RECALL)
    seen = outlooks.class_outlooks(row)
    runs = [
        ClassRuns(name, tuple(look.errors), tuple(map(tuple, look.errors.values())), look.n_test)
        for name, look in seen
    ]
    for (name, _), said in zip(seen, per_class.forecasts(runs, widen=widen), strict=True):
        yield Kept(outlooks.RECALL, name, said, 0.0, widen or 1.0)


def _widen(row: Curve, metric: str) -> float | None:
    """Return by how much the dataset's own past forecasts of this metric stretch the next band."""
    return recalibration.of(forecasts.past(row.dataset, metric)).widen


def _worth(base: Curve, trick: Curve, metric: str, chance: float) -> dict[str, object]:
    """Return how many labels of the base one of the other curve is worth, as plain values."""
    from trainer.curves import multiplier

    def measured(row: Curve) -> multiplier.Measured:
        errors = outlooks.outlook_of(row, metric).errors
        return multiplier.Measured(list(errors), list(errors.values()), row.n_test, row.test_set)

    found = multiplier.compare(measured(base), measured(trick), chance_error=1 - chance)
    refused = found.verdict == multiplier.Verdict.REFUSED
    return {
        **(found.band._asdict() if found.band else {}),  # value, low, high
        "verdict": str(found.verdict),
        "sentence": found.sentence,
        "refused": found.sentence if refused else "",
        "p_more": found.chance if found.band else None,
        "pure": not found.sizes,
        "log_odds": found.log_odds,
        "sizes": [band._asdict() for band in found.sizes],
    }
