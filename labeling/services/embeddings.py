"""Vectors of samples, by a network or by their pixels: one table for all who compare pictures."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction
from numpy.typing import NDArray

from labeling.models import Dataset, EmbeddingSet


def record_embeddings(
    dataset: Dataset,
    ids: Sequence[int] | NDArray[np.int64],
    vectors: NDArray[np.floating],
    *,
    source: str,
    fingerprint: str,
    now: datetime,
) -> EmbeddingSet:
    """Keep a vector (D,) for each of the samples `ids` (N,), as float16; finite numbers only.

    A set of the same source takes the place of the one before: there is one answer to what a source says.
    """
    ids = np.asarray(ids, dtype=np.int64)
    _check(dataset, ids, vectors)
    path = f"embeddings/{dataset.pk}/{uuid.uuid4().hex}.npz"
    target = Path(settings.STATE_DIR, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    np.savez(target, sample_ids=ids, vectors=vectors.astype(np.float16))
    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=dataset.pk)
        old = list(dataset.embedding_sets.filter(source=source))
        dataset.embedding_sets.filter(source=source).delete()
        made = EmbeddingSet.objects.create(
            dataset=dataset,
            source=source,
            fingerprint=fingerprint,
            dim=vectors.shape[1],
            count=len(ids),
            path=path,
            created_at=now,
        )
    for replaced in old:
        Path(settings.STATE_DIR, replaced.path).unlink(missing_ok=True)
    return made


def read(chosen: EmbeddingSet) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return sample ids (N,) and their vectors (N, D)."""
    with np.load(Path(settings.STATE_DIR, chosen.path)) as kept:
        return kept["sample_ids"], kept["vectors"].astype(np.float32)


def latest(dataset: Dataset, source: str | None = None) -> EmbeddingSet | None:
    """Return the newest set of the dataset, or of this source; None where there is none."""
    sets = dataset.embedding_sets.all()
    return (sets.filter(source=source) if source else sets).first()


def _check(dataset: Dataset, ids: NDArray[np.int64], vectors: NDArray[np.floating]) -> None:
    if vectors.ndim != 2 or len(vectors) != len(ids) or vectors.shape[1] == 0:
        raise ValueError(f"vectors must be ({len(ids)}, D), one a sample, D > 0; got {vectors.shape}")
    if not np.isfinite(vectors).all() or np.abs(vectors).max(initial=0) > np.finfo(np.float16).max:
        raise ValueError("vectors must be finite and fit into 16 bits")
    foreign = set(ids.tolist()) - set(dataset.samples.values_list("pk", flat=True))
    if foreign or len(np.unique(ids)) != len(ids):
        raise ValueError(f"ids must name each sample of the dataset once; {len(foreign)} are not of it")
