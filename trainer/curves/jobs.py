"""Learning curves in the background.  Heavy modules are imported inside, as in trainer.jobs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from django.conf import settings
from django.utils import timezone
from numpy.typing import NDArray

from labeling.models import EmbeddingSet
from labeling.progress import Progress, Report
from labeling.services import embeddings
from labeling.snapshot import Snapshot
from trainer.curves import recalibration
from trainer.curves.design import Cell
from trainer.engine import receipt
from trainer.engine.recipe import Recipe
from trainer.features.jobs import embed
from trainer.jobs import cache, made_by, pixel_cache, preparation
from trainer.models import Curve
from trainer.services import claims, curves, forecasts, multipliers, outlooks
from trainer.services.forecasts import Kept

if TYPE_CHECKING:
    from trainer.engine.course import Aids
    from trainer.engine.device import Device
    from trainer.engine.material import Decoded

RENEWAL_S = 20.0  # between two words that a cell is still being trained


def curve(report: Report, *, curve_id: int, worker: int = 0) -> dict[str, object] | None:
    """Train what a curve still lacks, keeping each training as soon as it is done, and forecast it.

    The curves of heads come first: they take seconds.  Several workers may be at one curve; each claims one
    cell at a time, and the one that finds all of them trained closes it.  Trainings known from elsewhere are
    not repeated, so a job that dies loses the one that it was at.  None if the curve is gone or finished.
    """
    row = Curve.objects.select_related("dataset").filter(pk=curve_id, finished_at=None).first()
    if row is None:
        return None
    snapshot = curves.frozen(row)
    if worker == 0:
        for tier in row.tiers.filter(finished_at=None).order_by("pk"):
            _measure_heads(tier, snapshot, report)
    work = _Trainings(row, snapshot, f"curve:{row.pk}:{worker}", report)
    trained = work.run()
    closed = work.is_whole() and _close(row, snapshot)
    return {"curve": row.pk, "trained": trained, "closed": closed}


def _measure_heads(row: Curve, snapshot: Snapshot, report: Report) -> None:
    """Measure all heads of a curve at once, on the vectors of its source, and forecast it."""
    source = row.recipe["source"]
    embed(report, dataset_id=row.dataset_id, source=source)
    table = embeddings.latest(row.dataset, source)
    assert table is not None  # embed made it
    curves.set_embedding(row, table.fingerprint)
    planned = curves.plan(row, snapshot)
    known = curves.known_cells(row, list(planned))
    missing = {key: cell for key, cell in planned.items() if key not in known}
    if missing:
        _keep_heads(row, snapshot, _vectors(table, snapshot), missing, report)
    _close(row, snapshot)


def _keep_heads(
    row: Curve, snapshot: Snapshot, vectors: NDArray[np.float32], missing: Mapping[str, Cell], report: Report
) -> None:
    from trainer.engine.heads import tiers

    meter = receipt.Meter()
    measured = list(tiers.measure(row.tier, vectors, snapshot, list(missing.values()), report=report))
    whole = meter.read()
    made = {name: round(whole[name] / len(missing), 4) for name in ("duration_s", "cpu_s", "gpu_s")}
    code = {"device": "cpu", "code": receipt.code_version(settings.BASE_DIR), "together": len(missing)}
    for (key, cell), metrics in zip(missing.items(), measured, strict=True):
        curves.record_cell(row, key, cell, snapshot, metrics, {**made, **code}, timezone.now())


def _vectors(table: EmbeddingSet, snapshot: Snapshot) -> NDArray[np.float32]:
    """Return the vectors (N, D) of the snapshot's rows; the table may hold newer pictures as well."""
    ids, vectors = embeddings.read(table)
    place = np.argsort(ids)
    return vectors[place[np.searchsorted(ids, snapshot.ids, sorter=place)]]


class _Tools(NamedTuple):
    device: Device
    decoded: Decoded
    aids: Aids
    maker: dict[str, object]


class _Trainings:
    """The whole trainings of a curve, as one of several workers sees them."""

    def __init__(self, row: Curve, snapshot: Snapshot, holder: str, report: Report) -> None:
        self._row, self._snapshot, self._holder, self._report = row, snapshot, holder, report
        self._recipe = Recipe.from_json(row.recipe)
        self._planned = curves.plan(row, snapshot)

    def run(self) -> int:
        """Train what can be had, cell by cell; return how many that were."""
        trained = 0
        for key, cell in self._claimed():
            try:
                if not curves.known_cells(self._row, [key]):  # nobody finished it since
                    self._tell(cell, self._train(key, cell))
                    trained += 1
            finally:
                claims.release(key, self._holder)
        return trained

    def is_whole(self) -> bool:
        return not self._missing() and not self._room()

    def _claimed(self) -> Iterator[tuple[str, Cell]]:
        """Yield cells that are this worker's; ends where all are trained or another one's."""
        while True:
            missing = self._missing()
            if not missing and self._room():
                self._add_one()
                continue
            held = (key for key in missing if claims.take(key, self._holder, timezone.now()))
            key = next(held, None)
            if key is None:
                return
            yield key, self._planned[key]

    def _missing(self) -> list[str]:
        known = curves.known_cells(self._row, list(self._planned))
        return [key for key in self._planned if key not in known]

    def _room(self) -> int:
        """Return how many trainings the adaptive plan may still add."""
        taken: int = sum(self._row.repeats)
        return max(self._row.budget - taken, 0)

    def _add_one(self) -> None:
        """Decide on the next training: where it narrows the band at the curve's aim most for its steps."""
        from trainer.curves import adaptive

        seen = outlooks.outlook_of(self._row)
        found = adaptive.next_size(
            list(seen.errors),
            list(seen.errors.values()),
            chance_error=1 - forecasts.chances(self._snapshot)["accuracy"],
            n_test=self._row.n_test,
            cost=self._recipe.steps,
            target=self._row.aim,
        )
        curves.extend(self._row, found.n if found else max(seen.errors))
        self._planned = curves.plan(self._row, self._snapshot)

    def _tell(self, cell: Cell, accuracy: float) -> None:
        values = {"labels": float(cell.n), "accuracy": accuracy}
        self._report(Progress("measured", self._row.cells.count(), self._row.planned, values))

    def _train(self, key: str, cell: Cell) -> float:
        """Train and keep one cell; return its accuracy."""
        from trainer.engine import device, experiment

        watch, meter = self._watch(key, cell), receipt.Meter()
        outcome = experiment.carry_out(
            self._snapshot,
            self._tools.decoded,
            cell.rows,
            self._recipe,
            seed=cell.seed,
            device=self._tools.device,
            prepare=preparation(self._recipe, cell.seed, watch),
            report=watch,
            aids=self._tools.aids,
        )
        made = meter.read(*device.gpu_use(self._tools.device)) | self._tools.maker
        made["steps"] = outcome.trained.steps
        figures = outcome.report.to_json()
        curves.record_cell(self._row, key, cell, self._snapshot, figures, made, timezone.now())
        return outcome.report.accuracy.value

    @cached_property
    def _tools(self) -> _Tools:
        """What every training of the curve needs; made when the first one begins."""
        from trainer.engine import device, pixels
        from trainer.engine.course import Aids
        from trainer.engine.fits import Fits

        chosen = device.pick(self._recipe.precision, memory=cache("device.json"))
        start = self._row.weights
        weights = Path(settings.STATE_DIR, start) if start else None
        seen, side = self._snapshot, self._recipe.resolution
        return _Tools(
            device=chosen,
            decoded=pixels.load(seen.files, seen.keys, side, pixel_cache(), report=self._report),
            aids=Aids(fits=Fits(cache("fits.json")), weights=weights),
            maker=made_by(self._recipe, chosen.describe()),
        )

    def _watch(self, key: str, cell: Cell) -> Report:
        """Return a report for one cell that counts the cells of the whole curve and renews the claim."""
        done = self._row.cells.count()
        renewed = time.monotonic()

        def tell(progress: Progress) -> None:
            nonlocal renewed
            if time.monotonic() - renewed > RENEWAL_S:
                claims.renew(key, self._holder, timezone.now())
                renewed = time.monotonic()
            stage = f"{progress.stage}, {cell.n} labels, repeat {cell.repeat + 1}"
            values = {"labels": float(cell.n), **progress.values}
            self._report(Progress(stage, done, self._row.planned, values))

        return tell


def _close(row: Curve, snapshot: Snapshot) -> bool:
    """Keep the curve's forecasts, score the ones before it, and compare it with the other curves."""
    now, chances = timezone.now(), forecasts.chances(snapshot)
    if not forecasts.record(row, [*_overall(row, chances), *_by_class(row)], now):
        return False
    forecasts.score_with(row, now)
    for peer in multipliers.peers(row):
        base, trick = sorted((peer, row), key=lambda one: (one.tier != Curve.Tier.RECIPE, one.pk))
        for metric in outlooks.METRICS:
            multipliers.record(base, trick, metric, _worth(base, trick, metric, chances[metric]), now)
    return True


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
