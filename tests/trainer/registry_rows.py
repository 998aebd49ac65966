"""A dataset with finished runs and their versions, without training: the weights are any bytes."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from labeling.models import Dataset, Sample
from labeling.services import choice
from trainer.engine import metrics, model_files
from trainer.engine.predictions import FILE, TestPredictions
from trainer.engine.recipe import NAMED
from trainer.models import ModelVersion, Run
from trainer.services import registry, runs

TESTED = 60


def make_dataset(now: datetime, name: str = "two") -> Dataset:
    """Two classes: 60 test samples, 20 labeled ones of the pool, 5 that wait."""
    made = Dataset.objects.create(name=name, classes=["a", "b"], created_at=now)
    kinds = [("test", "ab"[i % 2]) for i in range(TESTED)]
    kinds += [("train", "ab"[i % 2]) for i in range(20)] + [("train", "")] * 5
    Sample.objects.bulk_create(
        Sample(
            dataset=made,
            key=f"{i:064d}",
            name=f"{i}.png",
            file=f"{i}.png",
            width=8,
            height=8,
            split=split,
            label=label,
            added_at=now,
        )
        for i, (split, label) in enumerate(kinds)
    )
    return made


def predictions(dataset: Dataset, wrong: Sequence[int] = ()) -> TestPredictions:
    """What a model says of the test items that is wrong on these."""
    snapshot = choice.freeze(dataset)
    rows = snapshot.test_rows
    calls = snapshot.labels[rows] ^ np.isin(np.arange(len(rows)), wrong)
    return TestPredictions(
        keys=np.array([snapshot.keys[row] for row in rows]),
        labels=snapshot.labels[rows],
        probs=np.where(np.eye(2)[calls] > 0, 0.9, 0.1).astype(np.float32),
        classes=np.array(snapshot.classes),
    )


def train(dataset: Dataset, now: datetime, wrong: Sequence[int] = ()) -> tuple[Run, runs.Result, Path]:
    """A run at its end: its files written, its row not closed."""
    run = runs.begin(runs.open_run(dataset, NAMED["plain"], 7, "plain", now).pk, now)
    assert run is not None
    tested = predictions(dataset, wrong)
    folder = registry.settings.STATE_DIR / runs.folder(run)
    tested.save(folder / FILE)
    data = save({"weight": np.full(100, run.pk, np.float32)})
    (folder / model_files.WEIGHTS).write_bytes(data)
    result = runs.Result(
        report=metrics.evaluate(tested.probs, tested.labels, np.random.default_rng(0)),
        tested=tested,
        history=[],
        receipt={"device": "cpu", "weights": hashlib.sha256(data).hexdigest()},
        ids=choice.freeze(dataset).ids[: len(tested.keys)],
        probs=tested.probs,
    )
    return run, result, folder / model_files.WEIGHTS


def make_version(dataset: Dataset, now: datetime, wrong: Sequence[int] = ()) -> ModelVersion:
    """A candidate that is wrong on these test items."""
    run, result, _ = train(dataset, now, wrong)
    assert runs.record_run(run, result, now)
    return ModelVersion.objects.get(run=run)
