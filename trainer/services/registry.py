"""Model versions: which one counts, what may take its place, and the way back."""

from __future__ import annotations

import zipfile
from datetime import datetime
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import Max
from numpy.typing import NDArray

from labeling.models import Dataset
from labeling.services import choice, opinions
from labeling.snapshot import Snapshot
from trainer.engine import gate as gates
from trainer.engine import model_files, predictions
from trainer.engine.gate import Rule, Verdict
from trainer.engine.model_files import BrokenModel
from trainer.engine.predictions import TestPredictions
from trainer.models import GateRule, ModelVersion, Promotion, Run


class NotPromotable(Exception):
    """A version cannot become the current one; the message says to a person why."""


class NotJudged(Exception):
    """A version was not measured on the test set of today; the message says so to a person."""


def has_weights(run: Run) -> bool:
    """Say whether the run's training left weights that it recorded."""
    return "weights" in run.receipt


def register(run: Run, now: datetime) -> ModelVersion:
    """Give a finished run's weights the next number of its dataset, as a candidate.

    Raises BrokenModel unless they lie on the disk exactly as the training recorded them.
    """
    weights = run.receipt["weights"]
    model_files.check(_folder(run) / model_files.WEIGHTS, weights)
    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=run.dataset_id)  # one number at a time
        versions = ModelVersion.objects.filter(dataset=run.dataset_id)
        last = versions.aggregate(last=Max("number"))["last"] or 0
        return versions.create(dataset=run.dataset, number=last + 1, run=run, weights=weights, created_at=now)


def current(dataset: Dataset) -> ModelVersion | None:
    """Return the version that counts, or None."""
    standing = dataset.versions.filter(state=ModelVersion.State.CURRENT)
    return standing.select_related("run", "dataset").first()


def find(version_id: int) -> ModelVersion | None:
    return ModelVersion.objects.select_related("run", "dataset").filter(pk=version_id).first()


def weights_file(version: ModelVersion) -> Path:
    """Return where the weights lie; raises BrokenModel unless they are what was registered."""
    path = _folder(version.run) / model_files.WEIGHTS
    model_files.check(path, version.weights)
    return path


def onnx_file(version: ModelVersion) -> Path:
    """Return where the ONNX file lies; raises BrokenModel unless it is what was exported from the weights."""
    path = _folder(version.run) / model_files.ONNX
    if not version.export:
        raise BrokenModel(f"{_name(version)} was not exported to ONNX yet.")
    model_files.check(path, version.export["sha256"])
    return path


def export_to(version: ModelVersion) -> Path:
    """Return where the version's ONNX file belongs."""
    return _folder(version.run) / model_files.ONNX


def record_export(version: ModelVersion, exported: dict[str, object]) -> None:
    version.export = exported
    version.save(update_fields=["export"])


def measured_file(version: ModelVersion) -> Path:
    """Return where lies what the version said of the test items that its training measured."""
    return _folder(version.run) / predictions.FILE


def rule_of(dataset: Dataset) -> Rule:
    """Return what a candidate of the dataset has to show."""
    row = GateRule.objects.filter(dataset=dataset).first()
    return Rule(row.metric, row.kind, row.margin) if row else Rule()


def set_rule(dataset: Dataset, rule: Rule) -> None:
    values = {"metric": rule.metric, "kind": rule.kind, "margin": rule.margin}
    GateRule.objects.update_or_create(dataset=dataset, defaults=values)


def predictions_file(run: Run, snapshot: Snapshot) -> Path:
    """Return where the run's predictions on the snapshot's test items lie or belong.

    What the training measured stays as it is; each other test set has a file of its own.
    """
    wanted = predictions.fingerprint_of(snapshot)
    if wanted == run.test_fingerprint:
        return _folder(run) / predictions.FILE
    return _folder(run) / "tested" / f"{wanted}.npz"


def untested(version: ModelVersion, snapshot: Snapshot) -> list[ModelVersion]:
    """Return which of the version and the current one were not scored on the snapshot's test items yet."""
    standing = current(version.dataset)
    both = [version] if standing is None or standing == version else [standing, version]
    return [one for one in both if not predictions_file(one.run, snapshot).is_file()]


def gate(version: ModelVersion, now: datetime, snapshot: Snapshot | None = None) -> Verdict:
    """Judge a version by its dataset's rule against the current one, both on today's test set.

    The verdict is kept; nothing is promoted here.  Raises NotJudged where one of the two was not scored on
    that test set: trainer.registry.jobs.judge sees to that.
    """
    snapshot = snapshot or choice.freeze(version.dataset)
    rule, standing = rule_of(version.dataset), current(version.dataset)
    candidate = _tested(version, snapshot)
    if standing is None:
        verdict = gates.judge_first(candidate.probs, candidate.labels, rule)
    elif standing == version:
        raise NotJudged(f"{_name(version)} is the current one: there is nothing to judge.")
    else:
        before = _tested(standing, snapshot)
        verdict = gates.judge(
            before.probs, candidate.probs, candidate.labels, rule, number=standing.number, seed=version.number
        )
    record_verdict(version, verdict, now)
    return verdict


def refuse(version: ModelVersion, reason: str, now: datetime) -> Verdict:
    """Keep as the verdict that the version could not be judged, and why."""
    verdict = Verdict(False, reason)
    record_verdict(version, verdict, now)
    return verdict


def record_verdict(version: ModelVersion, verdict: Verdict, now: datetime) -> None:
    version.verdict, version.judged_at = verdict.to_json(), now
    version.save(update_fields=["verdict", "judged_at"])


def record_scores(
    version: ModelVersion, ids: NDArray[np.int64], probs: NDArray[np.float32], now: datetime
) -> bool:
    """Hand down what the current version says of samples; False where it is no longer the current one."""
    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=version.dataset_id)  # no promotion meanwhile
        if current(version.dataset) != version:
            return False
        opinions.record_predictions(
            version.dataset,
            ids,
            probs,
            source=source(version),
            model_version=f"version-{version.number}",
            now=now,
        )
    return True


def source(version: ModelVersion) -> str:
    """Return how the version's predictions name their origin: the same as its run's."""
    return f"run:{version.run_id}"


def promote(
    version: ModelVersion,
    by: str,
    reason: str,
    now: datetime,
    *,
    kind: str = Promotion.Kind.HAND,
) -> Promotion:
    """Make the version the current one, and write that into the history.

    Raises NotPromotable where it is current already, where its weights are missing, cut off or altered, or
    where the gate's verdict was given against another version than the one that is current now.
    """
    try:
        weights_file(version)
    except BrokenModel as broken:
        raise NotPromotable(f"{_name(version)} cannot be promoted: {broken}") from broken
    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=version.dataset_id)  # one promotion at a time
        standing = current(version.dataset)
        version.refresh_from_db(fields=["state", "verdict"])
        _check(version, standing, kind)
        if standing:
            _turn(standing, ModelVersion.State.RETIRED)
        _turn(version, ModelVersion.State.CURRENT)
        return Promotion.objects.create(
            dataset=version.dataset,
            version=version,
            previous=standing,
            kind=kind,
            by=by,
            verdict=version.verdict,
            reason=reason[: Promotion.REASON_CHARS],
            at=now,
        )


def previous(dataset: Dataset) -> ModelVersion | None:
    """Return the version that a roll back would bring: the one that the current one took the place of."""
    standing = current(dataset)
    if standing is None:
        return None
    taken = standing.promotions.exclude(kind=Promotion.Kind.ROLLBACK).select_related("previous__run").first()
    return taken.previous if taken else None


def roll_back(dataset: Dataset, by: str, now: datetime, reason: str = "") -> Promotion:
    """Make the version before the current one current again; a second time goes one further back.

    Raises NotPromotable where there is none, or its weights no longer lie whole on the disk.
    """
    before, standing = previous(dataset), current(dataset)
    if before is None:
        raise NotPromotable("There is no version to roll back to.")
    words = reason or f"Rolled back from {standing}."
    return promote(before, by, words, now, kind=Promotion.Kind.ROLLBACK)


def _check(version: ModelVersion, standing: ModelVersion | None, kind: str) -> None:
    if standing == version:
        raise NotPromotable(f"{_name(version)} is the current one already.")
    if kind != Promotion.Kind.GATE:
        return
    verdict = version.verdict or {}
    if version.state != ModelVersion.State.CANDIDATE or not verdict.get("promotes"):
        raise NotPromotable(f"The gate did not pass {version}.")
    if verdict["against"] != (standing.number if standing else None):
        raise NotPromotable(f"{_name(version)} was judged against another version than the current one.")


def _turn(version: ModelVersion, state: str) -> None:
    version.state = state
    version.save(update_fields=["state"])


def _tested(version: ModelVersion, snapshot: Snapshot) -> TestPredictions:
    if len(snapshot.test_rows) == 0:
        raise NotJudged("No test picture has a label: nothing can be measured.")
    file = predictions_file(version.run, snapshot)
    try:
        found = TestPredictions.load(file)
    except FileNotFoundError:
        raise NotJudged(f"{_name(version)} was not measured on the test set of today.") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as damage:
        raise NotJudged(f"What {version} said on the test set cannot be read any more: {damage}") from damage
    if found.fingerprint != predictions.fingerprint_of(snapshot):
        raise NotJudged(f"What {version} said on the test set was altered.")
    return found


def _name(version: ModelVersion) -> str:
    """Return "Version 3": a sentence begins with it."""
    return str(version).capitalize()


def _folder(run: Run) -> Path:
    return Path(settings.STATE_DIR, run.folder)
