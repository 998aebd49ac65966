"""What is done with model versions in the background: judged, exported, used.

Heavy modules are imported inside, as in trainer.jobs.
"""

import numpy as np
from django.utils import timezone

from labeling.progress import Progress, Report
from labeling.services import choice
from labeling.snapshot import Snapshot
from trainer.engine.model_files import BrokenModel
from trainer.jobs import pixel_cache
from trainer.models import ModelVersion, Promotion
from trainer.services import registry
from trainer.services.registry import NotJudged, NotPromotable

CHECKED = 64  # real pictures that an export is compared with torch on


def judge(report: Report, *, version_id: int) -> dict[str, object] | None:
    """Judge a candidate against the current version on today's test set; promote it where the gate says so.

    Where the test set changed since one of the two was measured, its weights are scored on it again first.
    None if the version is gone or no candidate.  What keeps it from being judged is its verdict.
    """
    version = registry.find(version_id)
    if version is None or version.state != ModelVersion.State.CANDIDATE:
        return None
    snapshot = choice.freeze(version.dataset)
    rescored = []
    try:
        for one in registry.untested(version, snapshot):
            _rescore(one, snapshot, report)
            rescored.append(one.number)
        verdict = registry.gate(version, timezone.now(), snapshot)
        if verdict.promotes:
            kind = Promotion.Kind.GATE
            registry.promote(version, "", verdict.reason, timezone.now(), kind=kind)
    except (BrokenModel, NotJudged, NotPromotable) as trouble:
        verdict = registry.refuse(version, str(trouble), timezone.now())
    return {"promoted": verdict.promotes, "reason": verdict.reason, "scored_again": rescored}


def _rescore(version: ModelVersion, snapshot: Snapshot, report: Report) -> None:
    """Let a version's weights speak on the snapshot's test items; what its training measured stays."""
    from trainer.engine import artifacts, device, experiment, pixels

    model, recipe, classes = artifacts.load_model(registry.weights_file(version))
    if classes != snapshot.classes:
        raise NotJudged(f"Version {version.number} knows other classes than the dataset has today.")
    decoded = pixels.load(snapshot.files, snapshot.keys, recipe.resolution, pixel_cache(), report=report)
    chosen = device.pick("fp32")
    tested = experiment.examine(model.to(chosen.name), decoded, snapshot, chosen, report)
    tested.save(registry.predictions_file(version.run, snapshot))


def export(report: Report, *, version_id: int) -> dict[str, object] | None:
    """Write a version as ONNX, checked against torch; None if the version is gone."""
    version = registry.find(version_id)
    if version is None:
        return None
    exported = _export(version, report)
    return {"version": version.number, **exported}


def _export(version: ModelVersion, report: Report) -> dict[str, object]:
    from trainer.engine import artifacts, exports, pixels

    report(Progress("exporting", 0, 1))
    model, recipe, classes = artifacts.load_model(registry.weights_file(version))
    snapshot = choice.freeze(version.dataset)
    files, keys = snapshot.files[:CHECKED], snapshot.keys[:CHECKED]
    pictures = pixels.load(files, keys, recipe.resolution, pixel_cache(), report=report)
    exported = exports.export(
        registry.export_to(version),
        model,
        recipe,
        classes,
        weights=version.weights,
        pictures=pictures[np.arange(len(files))],
    ).to_json()
    registry.record_export(version, exported)
    return exported


def score_pool(report: Report, *, version_id: int) -> dict[str, object] | None:
    """Score test items and unlabeled pictures with the current version, and hand the probabilities down.

    Through onnxruntime, without torch, once the version is exported; else it is exported first.  So new
    pictures get the model's opinion without a training.  None if the version is not the current one.
    """
    from trainer.engine import pixels
    from trainer.engine.scoring import Scorer

    version = registry.find(version_id)
    if version is None or version.state != ModelVersion.State.CURRENT:
        return None
    try:
        file = registry.onnx_file(version)
    except BrokenModel:
        _export(version, report)
        file = registry.onnx_file(version)
    scorer = Scorer(file)
    snapshot = choice.freeze(version.dataset)
    decoded = pixels.load(snapshot.files, snapshot.keys, scorer.resolution, pixel_cache(), report=report)
    asked = np.concatenate([snapshot.test_rows, snapshot.pool_rows])
    probs = scorer.probs(decoded, asked, report=report)
    if not registry.record_scores(version, snapshot.ids[asked], probs, timezone.now()):
        return None
    return {"version": version.number, "scored": len(asked)}
