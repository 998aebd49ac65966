"""What the pages and the JSON API show of learned features and of the vectors that they give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from labeling.models import Dataset
from trainer.models import Pretraining
from trainer.services import pretraining


@dataclass(frozen=True)
class PretrainingRow:
    id: int
    network: str
    width: int
    resolution: int
    epochs: int
    seed: int
    state: str
    n: int | None  # pictures, none of them a test picture
    loss: float | None  # of the last epoch
    cpu_s: float | None
    command: str
    error: str
    job: str
    created_at: datetime


@dataclass(frozen=True)
class EmbeddingRow:
    id: int
    source: str
    dim: int
    count: int
    created_at: datetime


@dataclass(frozen=True)
class FeaturesPage:
    pretrainings: tuple[PretrainingRow, ...]
    embeddings: tuple[EmbeddingRow, ...]
    sources: tuple[str, ...]  # what can embed this dataset's pictures


def pretraining_row(row: Pretraining) -> PretrainingRow:
    return PretrainingRow(
        id=row.pk,
        network=row.network,
        width=row.width,
        resolution=row.resolution,
        epochs=row.plan["epochs"],
        seed=row.seed,
        state=row.state,
        n=row.n,
        loss=row.history[-1]["loss"] if row.history else None,
        cpu_s=row.receipt.get("cpu_s"),
        command=row.receipt.get("command", ""),
        error=row.error,
        job=row.job,
        created_at=row.created_at,
    )


def features_page(dataset: Dataset) -> FeaturesPage:
    return FeaturesPage(
        pretrainings=tuple(pretraining_row(row) for row in dataset.pretrainings.all()),
        embeddings=tuple(
            EmbeddingRow(row.pk, row.source, row.dim, row.count, row.created_at)
            for row in dataset.embedding_sets.all()
        ),
        sources=pretraining.embedding_sources(dataset),
    )
