"""What people and models say about samples."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from numpy.typing import NDArray

from labeling import agreement, selection
from labeling.models import Annotation, Dataset, PredictionSet, Sample

LOT = 500  # rows per statement: SQLite's planner slows down on longer lists


def settle_labels(dataset: Dataset) -> int:
    """Write each sample's label from its standing annotations; returns how many labels changed.

    The majority decides (agreement.majority).  Each person counts once a sample, with the latest opinion.
    Where a person has looked, imported labels no longer count; labels that are no class of the dataset never
    do.  A sample without a standing opinion has no label.
    """
    with transaction.atomic():
        classes = set(Dataset.objects.select_for_update().get(pk=dataset.pk).classes)
        votes = _votes(dataset, classes)
        changed: dict[str, list[int]] = defaultdict(list)
        for pk, key, label in dataset.samples.values_list("pk", "key", "label"):
            consensus = agreement.majority(votes.get(pk, ()), key)
            settled = consensus.label if consensus else ""
            if settled != label:
                changed[settled].append(pk)
        for label, ids in changed.items():
            for start in range(0, len(ids), LOT):
                Sample.objects.filter(pk__in=ids[start : start + LOT]).update(label=label)
    return sum(map(len, changed.values()))


def measure_agreement(dataset: Dataset) -> agreement.Agreement | None:
    """Return how far people agree on this dataset's samples; None while no sample has two opinions."""
    return agreement.measure(_votes(dataset, set(dataset.classes)).values())


def disputed(dataset: Dataset) -> tuple[int, list[int]]:
    """Return how many samples have two opinions or more, and the ids of those on which people differ."""
    votes = _votes(dataset, set(dataset.classes))
    shared = {sample: said for sample, said in votes.items() if len(said) > 1}
    return len(shared), [sample for sample, said in shared.items() if len(set(said)) > 1]


def label_origins(dataset: Dataset) -> dict[str, int]:
    """Return how many of the labels that may be trained on came with an import, from people, from programs.

    Where a person has looked, the label counts as a person's, even if it equals what was imported.
    """
    labeled = dataset.samples.pool().labeled()
    standing = Annotation.objects.standing().filter(sample__in=labeled)
    asked = standing.filter(source=Annotation.Source.LABEL_STUDIO).order_by()
    people = set(asked.filter(annotator__simulated=False).values_list("sample_id", flat=True))
    programs = set(asked.filter(annotator__simulated=True).values_list("sample_id", flat=True)) - people
    found = {"people": len(people), "simulated": len(programs)}
    return {"import": labeled.count() - len(people) - len(programs), **found}


def record_predictions(
    dataset: Dataset,
    ids: Sequence[int] | NDArray[np.int64],
    probs: NDArray[np.floating],
    *,
    source: str,
    model_version: str,
    now: datetime,
    shown: bool = True,
) -> PredictionSet:
    """Keep a model's probabilities (N, K) for the samples `ids` (N,), and refresh their cached columns.

    K follows dataset.classes.  Rows must be finite, not negative and sum to one within 0.001.  The file holds
    sample_ids (N,), probs (N, K) as float32, and classes (K,).  Where it is not to be shown, the cached
    columns stay another model's.
    """
    ids = np.asarray(ids, dtype=np.int64)
    _check(dataset, ids, probs)
    path = f"predictions/{dataset.pk}/{uuid.uuid4().hex}.npz"
    target = settings.STATE_DIR / path
    target.parent.mkdir(parents=True, exist_ok=True)
    classes = np.array(dataset.classes, dtype=np.str_)
    np.savez(target, sample_ids=ids, probs=probs.astype(np.float32), classes=classes)
    with transaction.atomic():
        if shown:
            _cache(ids, [dataset.classes[k] for k in probs.argmax(axis=1)], selection.margin(probs))
        return PredictionSet.objects.create(
            dataset=dataset,
            source=source,
            model_version=model_version,
            path=path,
            count=len(ids),
            created_at=now,
        )


def _votes(dataset: Dataset, classes: set[str]) -> dict[int, list[str]]:
    """Return the votes that count, by sample."""
    people: dict[int, dict[int | None, str]] = defaultdict(dict)  # sample -> annotator -> latest opinion
    imported: dict[int, list[str]] = defaultdict(list)
    standing = Annotation.objects.standing().filter(sample__dataset=dataset).order_by("updated_at", "pk")
    for sample, source, annotator, label in standing.values_list(
        "sample_id", "source", "annotator_id", "label"
    ):
        if label not in classes:
            continue
        if source == Annotation.Source.IMPORT:
            imported[sample].append(label)
        else:
            people[sample][annotator] = label
    return {**imported, **{sample: list(said.values()) for sample, said in people.items()}}


def _cache(ids: NDArray[np.int64], likeliest: list[str], doubts: NDArray[np.float64]) -> None:
    # 10,000 rows: 0.05 s; bulk_update, which writes one CASE per row and column, 4.9 s
    table = connection.ops.quote_name(Sample._meta.db_table)
    rows = zip(likeliest, doubts.tolist(), ids.tolist(), strict=True)
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {table} SET predicted = %s, doubt = %s WHERE id = %s", list(rows))


def _check(dataset: Dataset, ids: NDArray[np.int64], probs: NDArray[np.floating]) -> None:
    n, k = len(ids), len(dataset.classes)
    if k < 2 or probs.shape != (n, k):
        raise ValueError(f"probs must be ({n}, {k}): ids by classes, at least two; got {probs.shape}")
    if not np.isfinite(probs).all() or (probs < 0).any():
        raise ValueError("probs must be finite and not negative")
    worst = float(np.abs(probs.sum(axis=1) - 1).max(initial=0))
    if worst > 1e-3:
        raise ValueError(f"each row of probs must sum to one, got one that is {worst:.3g} off")
    foreign = set(ids.tolist()) - set(dataset.samples.values_list("pk", flat=True))
    if foreign or len(np.unique(ids)) != n:
        raise ValueError(f"ids must name each sample of the dataset once; {len(foreign)} are not of it")
