"""Learning curves in the background.  Heavy modules are imported inside, as in trainer.jobs."""

from __future__ import annotations

import logging
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
from labeling.progress import Cancelled, Progress, Report
from labeling.services import embeddings
from labeling.snapshot import Snapshot
from trainer.curves.design import Cell
from trainer.engine import receipt
from trainer.engine.recipe import Recipe
from trainer.features.jobs import embed
from trainer.forecasts.jobs import close
from trainer.jobs import cache, made_by, pixel_cache, preparation, sentence
from trainer.models import Curve
from trainer.services import claims, curves, forecasts, outlooks, trainings

if TYPE_CHECKING:
    from trainer.engine.course import Aids
    from trainer.engine.device import Device
    from trainer.engine.material import Decoded

logger = logging.getLogger(__name__)

RENEWAL_S = 20.0  # between two words that a cell is still being trained
PATIENCE_S = 2.0  # between two looks at what other workers hold


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
            _look_quickly(tier, snapshot, report)
    work = _Trainings(row, snapshot, f"curve:{row.pk}:{worker}", report)
    trained = work.run()
    closed = work.is_whole() and close(row, snapshot)
    return {"curve": row.pk, "trained": trained, "closed": closed}


def _look_quickly(row: Curve, snapshot: Snapshot, report: Report) -> None:
    """Measure the heads of a curve; where that fails, their row says why and the real curve goes on."""
    try:
        _measure_heads(row, snapshot, report)
    except Cancelled:
        raise
    except Exception as error:
        logger.exception("the heads of %s could not be measured", row)
        curves.abandon(row, sentence(error))


def _measure_heads(row: Curve, snapshot: Snapshot, report: Report) -> None:
    """Measure all heads of a curve at once, on the vectors of its source, and forecast it."""
    source = row.recipe["source"]
    embed(report, dataset_id=row.dataset_id, source=source)
    table = embeddings.latest(row.dataset, source)
    assert table is not None  # embed made it
    curves.set_embedding(row, table.fingerprint, snapshot)
    planned = trainings.plan(row, snapshot)
    known = trainings.known_cells(row, list(planned))
    missing = {key: cell for key, cell in planned.items() if key not in known}
    if missing:
        _keep_heads(row, snapshot, _vectors(table, snapshot), missing, report)
    close(row, snapshot)


def _keep_heads(
    row: Curve, snapshot: Snapshot, vectors: NDArray[np.float32], missing: Mapping[str, Cell], report: Report
) -> None:
    from trainer.engine.heads import tiers

    meter, keys = receipt.Meter(), {(cell.repeat, cell.n): key for key, cell in missing.items()}
    measured = list(
        tiers.measure(
            next(tier for tier in tiers.TIERS if tier == row.tier),
            vectors,
            snapshot.labels,
            list(missing.values()),
            snapshot.test_rows,
            n_classes=len(snapshot.classes),
            report=report,
        )
    )
    took = meter.read()
    made = {name: round(took[name] / len(missing), 4) for name in ("duration_s", "cpu_s", "gpu_s")}
    code = {"device": "cpu", "code": receipt.code_version(settings.BASE_DIR), "together": len(missing)}
    for cell, figures, used in measured:
        key = keys[cell.repeat, cell.n]
        trainings.record_cell(row, key, cell, snapshot, figures, {**made, **code, **used}, timezone.now())


def _vectors(table: EmbeddingSet, snapshot: Snapshot) -> NDArray[np.float32]:
    """Return the vectors (N, D) of the snapshot's rows; the table may hold newer pictures as well."""
    ids, vectors = embeddings.read(table)
    place = np.argsort(ids)
    return vectors[place[np.searchsorted(ids, snapshot.ids, sorter=place)]]


class _Lost(Exception):
    """Another worker has taken over the cell that this one was at."""


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
        self._planned = trainings.plan(row, snapshot)

    def run(self) -> int:
        """Train what can be had, cell by cell; return how many that were."""
        trained = 0
        if self._missing():
            self._tools  # noqa: B018  decoding takes long: no cell is claimed meanwhile
        for key, cell in self._claimed():
            try:
                if not trainings.known_cells(self._row, [key]):  # nobody finished it since
                    self._tell(cell, self._train(key, cell))
                    trained += 1
            except _Lost:
                continue
            finally:
                claims.release(key, self._holder)
        return trained

    def is_whole(self) -> bool:
        return not self._missing() and not self._room()

    def _claimed(self) -> Iterator[tuple[str, Cell]]:
        """Yield cells that are this worker's, until all are trained, some of them by others.

        While others hold all that is left, the adaptive plan goes on; else there is nothing but to wait.
        """
        while (missing := self._missing()) or self._room():
            held = (key for key in missing if claims.take(key, self._holder, timezone.now()))
            key = next(held, None)
            if key is not None:
                yield key, self._planned[key]
            elif self._room() and self._is_passed():
                self._add_one()
            else:
                done, planned = self._row.cells.count(), self._row.planned
                self._report(Progress("waiting for another worker", done, planned))
                time.sleep(PATIENCE_S)

    def _is_passed(self) -> bool:
        """Say whether every size has been trained once: only then a fit says where to go on."""
        return len(outlooks.outlook_of(self._row).errors) == len(self._row.sizes)

    def _missing(self) -> list[str]:
        known = trainings.known_cells(self._row, list(self._planned))
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
        trainings.extend(self._row, found.n if found else max(seen.errors))
        self._planned = trainings.plan(self._row, self._snapshot)

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
        trainings.record_cell(self._row, key, cell, self._snapshot, figures, made, timezone.now())
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
                if not claims.renew(key, self._holder, timezone.now()):
                    raise _Lost
                renewed = time.monotonic()
            stage = f"{progress.stage}, {cell.n} labels, repeat {cell.repeat + 1}"
            values = {"labels": float(cell.n), **progress.values}
            self._report(Progress(stage, done, self._row.planned, values))

        return tell
