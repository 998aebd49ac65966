"""Chooses what a preview shows, and keeps it."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from django.conf import settings

from augment.models import Preview
from augment.policy_specs import PolicySpec
from labeling import images
from labeling.models import Dataset, Sample


class NothingToShow(Exception):
    """The dataset has no picture to change; the message says so to a person."""


def samples_to_show(dataset: Dataset, count: int, seed: int) -> list[Sample]:
    """Return up to `count` samples of the training pool, drawn by class in turn so that all classes show.

    Unlabeled samples count as one more class and come last.  Raises NothingToShow on an empty pool.
    """
    rng = np.random.default_rng(seed)
    by_label: dict[str, list[Sample]] = {}
    for sample in rng.permutation(np.array(dataset.samples.pool(), dtype=object)):
        by_label.setdefault(sample.label, []).append(sample)
    if not by_label:
        raise NothingToShow(f"{dataset} has no picture outside its test split.")
    labels = sorted(by_label, key=lambda label: (label == "", label))
    turns = max(map(len, by_label.values()))
    drawn = [
        by_label[label][turn] for turn in range(turns) for label in labels if turn < len(by_label[label])
    ]
    return drawn[:count]


def record_preview(
    dataset: Dataset,
    spec: PolicySpec,
    samples: Sequence[Sample],
    png: bytes,
    *,
    copies: int,
    seed: int,
    versions: Mapping[str, str],
    now: datetime,
) -> Preview:
    """Keep a sheet: the file first, whole or not at all, then its row."""
    path = f"previews/{uuid.uuid4().hex}.png"
    images.store(png, Path(settings.STATE_DIR, path))
    return Preview.objects.create(
        dataset=dataset,
        policy=spec.name,
        spec=spec.to_json(),
        versions=dict(versions),
        seed=seed,
        sample_keys=[sample.key for sample in samples],
        copies=copies,
        path=path,
        created_at=now,
    )
