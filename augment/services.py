"""Chooses what a preview shows, and keeps it."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from pathlib import Path

import numpy as np
from django.conf import settings

from augment.catalog import Spec
from augment.models import Preview
from labeling import images
from labeling.models import Dataset, Sample


class NothingToShow(Exception):
    """The dataset has no picture to change; the message says so to a person."""


def samples_to_show(dataset: Dataset, count: int, seed: int) -> list[Sample]:
    """Return up to `count` samples of the training pool, drawn by class in turn so that all classes show.

    Unlabeled samples count as one more class and come last.  Raises NothingToShow on an empty pool.
    """
    rows = list(dataset.samples.pool().order_by("pk").values_list("pk", "label"))
    if not rows:
        raise NothingToShow(f"{dataset} has no picture outside its test split.")
    by_label = defaultdict(list)
    for i in np.random.default_rng(seed).permutation(len(rows)):
        by_label[rows[i][1]].append(rows[i][0])
    in_turn = zip_longest(*(by_label[label] for label in sorted(by_label, key=lambda name: (not name, name))))
    drawn = [pk for turn in in_turn for pk in turn if pk is not None][:count]
    found = dataset.samples.in_bulk(drawn)
    return [found[pk] for pk in drawn]


def record_preview(
    dataset: Dataset,
    spec: Spec,
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
