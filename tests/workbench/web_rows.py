"""One row of everything that a page can show, as the services write them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
from PIL import Image

from augment.models import Preview
from labeling.models import (
    Annotation,
    Annotator,
    Dataset,
    EmbeddingSet,
    ImportReport,
    LabelIssue,
    LabelTask,
    Sample,
    SelectionRound,
)
from tests.workbench import web_curves
from trainer.engine import comparison, disk, metrics, model_files
from trainer.engine.gate import Verdict
from trainer.engine.predictions import TestPredictions
from trainer.engine.pretraining import Plan
from trainer.engine.recipe import NAMED
from trainer.models import Comparison, ModelVersion, Pretraining, Run, Study
from trainer.services import pretraining, registry, runs, studies
from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job
from workbench.models import Advice

CLASSES = ["<b>cat</b>", "dog", "emu"]  # a class may be called anything: pages have to escape it
LABELS = np.repeat([0, 1, 2], [8, 6, 4])


@dataclass(frozen=True)
class Rows:
    dataset: int
    sample: int
    run: int
    other: int
    curve: int
    cell: str  # one of its trainings
    study: int  # a batch map, done
    preview: int
    report: int
    advice: int
    idea: int  # advice that only a person can carry out
    version: int  # a candidate, with all its files
    job: UUID
    failed: UUID


def make(state: Path, now: datetime) -> Rows:
    dataset = Dataset.objects.create(name="Animals", classes=CLASSES, note="Mostly cats.", created_at=now)
    sample = _samples(dataset, state, now)
    run, other = _runs(dataset, state, now)
    _features(dataset, now)
    job = submit(
        "workbench.jobs.refresh_advice", "Advice for Animals", requested_by="ada", dataset_id=dataset.pk
    )
    failed = submit("labeling.jobs.sync", "Fetch the annotations of Animals", round_id=1)
    Job.objects.filter(pk=failed.pk).update(
        state=Job.State.FAILED, error="No Label Studio answers.", tail="line one\n<script>", finished_at=now
    )
    drawn = web_curves.make(dataset, now)
    return Rows(
        dataset=dataset.pk,
        sample=sample.pk,
        run=run.pk,
        other=other.pk,
        curve=drawn.later,
        cell=drawn.key,
        study=_studies(dataset, now).pk,
        preview=_preview(dataset, state, now).pk,
        report=_report(dataset, now).pk,
        advice=_advice(dataset, now, "draw_curve", "Compute a learning curve").pk,
        idea=_advice(
            dataset, now, "fix_labels", "Look again at 7 labels", gain=0.02, low=-0.01, high=0.05, level=0.9
        ).pk,
        version=_versions(dataset, run, other, state, now).pk,
        job=job.pk,
        failed=failed.pk,
    )


def _studies(dataset: Dataset, now: datetime) -> Study:
    """A range test and a batch map; one cell of the map fell apart."""
    points = [{"rate": 10.0**-i, "loss": 2.0, "smoothed": 0.5 * i + 1} for i in (4, 3, 2, 1)]
    rates = {"points": points, "steps": 4, "lowest": 0.1, "chosen": 0.01, "steepest": 0.001}
    cell = {"batch": 16, "epochs": 5.0, "steps": 40, "samples": 640, "rate": 0.02, "n": 50}
    cell |= {"duration_s": 1.0, "cpu_s": 0.9, "trouble": ""}
    cells = [{**cell, "accuracy": {"value": v, "low": v - 0.1, "high": v + 0.1}} for v in (0.7, 0.8)]
    for kind, result in (
        ("range-test", rates),
        ("batch-map", {"cells": [*cells, {**cell, "accuracy": None, "trouble": "It diverged."}]}),
    ):
        row = studies.open_study(dataset, kind, NAMED["plain"], studies.Options(), 1, now)
        row.state, row.result, row.n_train, row.n_validation = "done", result, 200, 50
        row.save()
    return row


def _samples(dataset: Dataset, state: Path, now: datetime) -> Sample:
    picture = state / "media" / str(dataset.pk) / "one.png"
    picture.parent.mkdir(parents=True)
    Image.new("RGB", (40, 30), "teal").save(picture)
    made = [
        Sample(
            dataset=dataset,
            key=f"{number:064x}",
            name=f'{CLASSES[label]}/"{number}".jpg',
            file=f"{dataset.pk}/one.png",
            width=40,
            height=30,
            split="test" if number % 3 == 0 else "train",
            label=CLASSES[label] if number % 4 else "",
            predicted=CLASSES[0],
            doubt=number / 20,
            added_at=now,
        )
        for number, label in enumerate(LABELS)
    ]
    Sample.objects.bulk_create(made)
    first = Sample.objects.filter(dataset=dataset)[1]
    _opinions(dataset, first, now)
    _issues(dataset, now)
    return first


def _issues(dataset: Dataset, now: datetime) -> None:
    """Labels in doubt: some open, one that people confirmed and one that they dismissed."""
    labeled = list(dataset.samples.exclude(label=""))
    for number, sample in enumerate(labeled[:7]):
        proposed = next(name for name in CLASSES[::-1] if name != sample.label)
        state, verdict = {5: ("confirmed", proposed), 6: ("dismissed", sample.label)}.get(
            number, ("open", "")
        )
        LabelIssue.objects.create(
            sample=sample,
            given=sample.label,
            proposed=proposed,
            score=0.02 * (number + 1),
            confidence=0.9 - 0.02 * number,
            reason=f"A model that never saw this label gives “{proposed}” {0.9 - 0.02 * number:.2f} and "
            f"“{sample.label}” {0.02 * (number + 1):.2f}.",
            source="run:2:oof",
            state=state,
            verdict=verdict,
            judged_at=now if verdict else None,
            created_at=now,
        )


def _opinions(dataset: Dataset, sample: Sample, now: datetime) -> None:
    chosen = SelectionRound.objects.create(
        dataset=dataset, strategy="margin", random_share=0.2, seed=1, created_at=now
    )
    LabelTask.objects.create(round=chosen, sample=sample, rank=0, score=0.1, reason="The model wavers.")
    person = Annotator.objects.create(email="ada@example.org")
    program = Annotator.objects.create(email="bot@example.org", simulated=True, note="wrong in 8 %")
    for number, who in enumerate([person, program]):
        Annotation.objects.create(
            sample=sample,
            source=Annotation.Source.LABEL_STUDIO,
            annotator=who,
            label=CLASSES[number],
            created_at=now,
            updated_at=now,
        )


def _runs(dataset: Dataset, state: Path, now: datetime) -> tuple[Run, Run]:
    """Two recipes, each with two seeds; the first pair is compared, its second run cross-validated."""
    rng = np.random.default_rng(0)
    made = [_run(dataset, state, name, seed, rng, now) for seed in (3, 4) for name in ("plain", "augmented")]
    Run.objects.filter(pk=made[1].pk).update(out_of_fold=_out_of_fold(made[1].metrics))
    for metric in comparison.COMPARED:
        Comparison.objects.create(
            base=made[0], other=made[1], metric=metric, n=18, gain=0.05, low=0.01, high=0.09,
            p_value=0.04 if metric == "accuracy" else None, fixed=2, broken=1, created_at=now,
        )  # fmt: skip
    return made[0], made[1]


def _versions(dataset: Dataset, first: Run, second: Run, state: Path, now: datetime) -> ModelVersion:
    """The first run's model is the current one, the second's a candidate that was judged and exported."""
    made = [_version(dataset, run, number, state, now) for number, run in enumerate((first, second), 1)]
    registry.promote(made[0], "ada", "Said <b>better</b>.", now)
    verdict = Verdict(False, "Neither better nor worse is shown against version 1: +1.0 points.", against=1)
    registry.record_verdict(made[1], verdict, now)
    return made[1]


def _version(dataset: Dataset, run: Run, number: int, state: Path, now: datetime) -> ModelVersion:
    folder = state / run.folder
    weights, graph = b"weights of %d" % number, b"graph"
    disk.write(folder / model_files.WEIGHTS, weights)
    disk.write(folder / model_files.ONNX, graph)
    exported = {
        "sha256": hashlib.sha256(graph).hexdigest(),
        "opset": 17,
        "pictures": 80,
        "max_difference": 2e-6,
    }
    return ModelVersion.objects.create(
        dataset=dataset, number=number, run=run, weights=hashlib.sha256(weights).hexdigest(),
        export=exported, created_at=now,
    )  # fmt: skip


def _run(dataset: Dataset, state: Path, name: str, seed: int, rng: np.random.Generator, now: datetime) -> Run:
    probs = rng.dirichlet(np.ones(3), len(LABELS)).astype(np.float32)
    keys = np.array([f"{number:064x}" for number in range(len(LABELS))])
    tested = TestPredictions(keys, LABELS, probs, np.array(CLASSES))
    run = Run.objects.create(
        dataset=dataset,
        name=name,
        recipe=NAMED[name].to_json(),
        seed=seed,
        state=Run.State.DONE,
        metrics=metrics.evaluate(probs, LABELS, rng).to_json(),
        plan=[{"class": c, "have": 4, "train": 6, "extra": 2} for c in CLASSES],
        fingerprint="d" * 64,
        test_fingerprint=tested.fingerprint,
        n_train=9,
        labels={"train": dict.fromkeys(CLASSES, 3), "test": dict.fromkeys(CLASSES, 6)},
        n_test=len(LABELS),
        history=[{"step": 1, "loss": 1.1, "accuracy": 0.3}],
        receipt={"duration_s": 75.0, "device": "cpu", "command": "python3 manage.py train Animals"},
        created_at=now,
        finished_at=now + timedelta(seconds=75),
    )
    run.folder = f"runs/{run.pk}/1"
    run.save(update_fields=["folder"])
    (state / run.folder).mkdir(parents=True)
    tested.save(state / run.folder / runs.PREDICTIONS)
    return run


def _out_of_fold(measured: dict[str, object]) -> dict[str, object]:
    gain = {"value": 0.04, "low": -0.01, "high": 0.09}
    return {
        "n": 9,
        "folds": 2,
        "note": "2 folds instead of 5: the class <b>cat</b> has 3 different labeled pictures.",
        **{name: measured[name] for name in metrics.SCORES + metrics.LOSSES},
        "temperature": 1.7,
        "tau": 1.0,
        "test": {
            "scaled": {name: measured[name] for name in metrics.LOSSES},
            "adjusted": {name: measured[name] for name in metrics.SCORES},
            "nll_gain": gain,
            "gains": dict.fromkeys(metrics.SCORES, gain),
        },
    }


def _features(dataset: Dataset, now: datetime) -> None:
    plan = Plan(network="cnn", width=4, resolution=16, epochs=2)
    row = pretraining.open_pretraining(dataset, plan, 5, now)
    Pretraining.objects.filter(pk=row.pk).update(
        state=Pretraining.State.FAILED, error="<b>cat</b> is broken.", n=12, receipt={"cpu_s": 7.5}
    )
    EmbeddingSet.objects.create(
        dataset=dataset,
        source="timm:<b>cat",
        fingerprint="f",
        dim=512,
        count=18,
        path="e.npz",
        created_at=now,
    )


def _preview(dataset: Dataset, state: Path, now: datetime) -> Preview:
    Image.new("RGB", (60, 20)).save(state / "sheet.png")
    return Preview.objects.create(
        dataset=dataset, policy="gentle", spec={}, versions={"albumentations": "2.0.8"}, seed=1,
        sample_keys=[], copies=2, path="sheet.png", created_at=now,
    )  # fmt: skip


def _report(dataset: Dataset, now: datetime) -> ImportReport:
    return ImportReport.objects.create(
        dataset=dataset,
        folder="/data/animals",
        taken=18,
        refused=[{"file": "<img src=x>.png", "reason": "The file is empty."}],
        noted=[{"file": "a.gif", "note": "Only the first frame was taken."}],
        created_at=now,
    )


def _advice(dataset: Dataset, now: datetime, adviser: str, action: str, **numbers: float) -> Advice:
    return Advice.objects.create(
        dataset=dataset, adviser=adviser, action=action, because="It was measured.", created_at=now,
        shown=not numbers, n=18 if numbers else None, **numbers,
    )  # fmt: skip
