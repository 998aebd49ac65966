"""What people and models say about samples."""

import hashlib
import json
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from numpy.typing import NDArray

from labeling import agreement, selection
from labeling.models import Annotation, Dataset, PredictionSet, Sample

COLUMNS = ("label", "label_method", "label_confidence", "label_votes")  # of Word
LOT = 500  # rows per statement: SQLite's planner slows down on longer lists
Voices = dict[int, str]  # who -> label; an annotator's id, 0 where the account is gone, negative: an import


class Word(NamedTuple):
    """What settles a sample: its four label columns."""

    label: str
    method: str = ""  # "" is the majority
    confidence: float | None = None
    votes: str = ""  # the opinions that a method weighed, as `mark` tells them


def settle_labels(dataset: Dataset, weighed: Mapping[int, Word] | None = None) -> int:
    """Write each sample's label from its standing annotations; returns how many labels changed.

    The majority decides (agreement.majority).  Each person counts once a sample, with the latest opinion.
    Where a person has looked, imported labels no longer count; labels that are no class of the dataset never
    do.  A sample without a standing opinion has no label.

    Where a method weighed the opinions, its word stands as long as they are the same: a new opinion, a
    changed one or one that was taken back makes the majority decide until the method runs again.  `weighed`
    replaces all such words, by sample.
    """
    with transaction.atomic():
        classes = set(Dataset.objects.select_for_update().get(pk=dataset.pk).classes)
        said = _voices(dataset, classes)
        moved, changed = 0, defaultdict(list)
        for pk, key, *columns in dataset.samples.values_list("pk", "key", *COLUMNS):
            standing, votes = Word(*columns), said.get(pk, {})
            word = standing if weighed is None else weighed.get(pk, Word(""))
            if not (word.method and word.label in classes and word.votes == mark(votes)):
                consensus = agreement.majority(list(votes.values()), key)
                word = Word(consensus.label if consensus else "")
            moved += word.label != standing.label
            if word != standing:
                changed[word].append(pk)
        _settle(changed)
    return moved


def mark(voices: Voices) -> str:
    """Return a short name of these opinions of one sample: others have another."""
    return hashlib.sha256(json.dumps(sorted(voices.items())).encode()).hexdigest()[:16]


def voices(dataset: Dataset) -> dict[int, Voices]:
    """Return the opinions that count, by sample; only samples that have one."""
    return _voices(dataset, set(dataset.classes))


def measure_agreement(dataset: Dataset) -> agreement.Agreement | None:
    """Return how far people agree on this dataset's samples; None while no sample has two opinions."""
    return agreement.measure([list(said.values()) for said in voices(dataset).values()])


def disputed(dataset: Dataset) -> tuple[int, list[int]]:
    """Return how many samples have two opinions or more, and the ids of those on which people differ."""
    shared = {sample: said for sample, said in voices(dataset).items() if len(said) > 1}
    return len(shared), [sample for sample, said in shared.items() if len(set(said.values())) > 1]


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
            likeliest = [dataset.classes[k] for k in probs.argmax(axis=1)]
            doubts = selection.margin(probs).tolist()
            _write(("predicted", "doubt"), list(zip(likeliest, doubts, ids.tolist(), strict=True)))
        return PredictionSet.objects.create(
            dataset=dataset,
            source=source,
            model_version=model_version,
            path=path,
            count=len(ids),
            created_at=now,
        )


def people(dataset: Dataset) -> dict[int, Voices]:
    """Return people's opinions that count, by sample; only samples that a person judged."""
    return {pk: said for pk, said in voices(dataset).items() if min(said) >= 0}


def _voices(dataset: Dataset, classes: set[str]) -> dict[int, Voices]:
    people: dict[int, Voices] = defaultdict(dict)  # the latest opinion of each
    imported: dict[int, Voices] = defaultdict(dict)
    standing = Annotation.objects.standing().filter(sample__dataset=dataset).order_by("updated_at", "pk")
    for pk, sample, source, annotator, label in standing.values_list(
        "pk", "sample_id", "source", "annotator_id", "label"
    ):
        if label not in classes:
            continue
        if source == Annotation.Source.IMPORT:
            imported[sample][-pk] = label
        else:
            people[sample][annotator or 0] = label
    return {**imported, **people}


def _settle(changed: Mapping[Word, Sequence[int]]) -> None:
    """Write the words on their samples: a majority's hold for many samples each, a method's for one."""
    plain = {word: ids for word, ids in changed.items() if not word.method}
    for word, ids in plain.items():
        for start in range(0, len(ids), LOT):
            Sample.objects.filter(pk__in=ids[start : start + LOT]).update(
                **dict(zip(COLUMNS, word, strict=True))
            )
    _write(COLUMNS, [(*word, pk) for word, ids in changed.items() if word.method for pk in ids])


def _write(columns: Sequence[str], rows: Sequence[tuple[str | float | None, ...]]) -> None:
    """Write the columns of many samples; each row holds their values and the sample's id."""
    # 10,000 rows of two columns: 0.05 s; bulk_update, which writes one CASE per row and column, 4.9 s
    table = connection.ops.quote_name(Sample._meta.db_table)
    values = ", ".join(f"{connection.ops.quote_name(name)} = %s" for name in columns)
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {table} SET {values} WHERE id = %s", rows)


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
