"""What goes up to training, and which samples people label next."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction
from numpy.typing import NDArray

from labeling import selection
from labeling.models import Dataset, LabelTask, PredictionSet, Sample, SelectionRound
from labeling.services import candidates, embeddings
from labeling.snapshot import Snapshot, fingerprint
from labeling.strategies import book
from labeling.strategies.book import Candidates, Chosen, Mix
from labeling.strategies.reasons import sentences

LEAST_RANDOM_SHARE = 0.15  # below it, the audit stream is too thin to judge the labels and the model by
FEW_PER_CLASS, WARM_START = 10, 200  # labels before a model's doubts are asked


class NothingToLabel(Exception):
    """No sample waits for a label; the message says so to a person."""


def freeze(dataset: Dataset) -> Snapshot:
    """Return the dataset as it stands now."""
    dataset.refresh_from_db()
    numbers = {name: number for number, name in enumerate(dataset.classes)} | {"": -1}
    rows = list(
        dataset.samples.order_by("pk").values_list("pk", "key", "file", "label", "split", "duplicate_group")
    )
    keys = tuple(row[1] for row in rows)
    labels = np.array([numbers[row[3]] for row in rows], dtype=np.int64)
    is_test = np.array([row[4] == Sample.Split.TEST for row in rows], dtype=np.bool_)
    return Snapshot(
        classes=tuple(dataset.classes),
        ids=np.array([row[0] for row in rows], dtype=np.int64),
        keys=keys,
        files=tuple(Path(settings.MEDIA_ROOT, row[2]) for row in rows),
        labels=labels,
        is_test=is_test,
        groups=tuple(row[5] or row[1] for row in rows),
        fingerprint=fingerprint(dataset.classes, keys, labels, is_test),
    )


def usual_strategy(dataset: Dataset, count: int) -> str:
    """Return how the next `count` samples are best chosen, by what is known so far.

    While a class has fewer than 10 labels on average, these among them, typical pictures are, where there are
    vectors (Hacohen et al. 2022).  Then chance, until there are max(10 K, 200) labels and a model; then
    margin, which leads in most settings of LabelBench (Zhang et al. 2024).
    """
    few = FEW_PER_CLASS * len(dataset.classes)
    labels = dataset.samples.pool().labeled().count()
    if labels + count < few and embeddings.latest(dataset):
        return SelectionRound.Strategy.TYPICAL
    learned = labels >= max(few, WARM_START) and dataset.prediction_sets.exists()
    return SelectionRound.Strategy.MARGIN if learned else SelectionRound.Strategy.RANDOM


def choose_next(
    dataset: Dataset,
    *,
    count: int,
    strategy: str = SelectionRound.Strategy.MARGIN,
    random_share: float = 0.2,
    overlap: int = 1,
    seed: int = 0,
    predictions: PredictionSet | None = None,
    mix: Mapping[str, int] | None = None,
    now: datetime,
) -> SelectionRound:
    """Queue up to `count` waiting samples for labeling, the most telling first, and return their round.

    Test samples, labeled ones and ones that stand in a queue are left out; of near-equal pictures one is
    asked for.  At least random_share of them is drawn at random (audit).  Where a strategy asks a model,
    `predictions` count, by default the latest.  Margin without any gives way to chance, and the round says
    RANDOM.  A `mix` says how many are wanted of each class, `count` together: which picture is of which only
    the model can guess, and the round keeps what it expects.  The dataset's row is locked meanwhile:
    two calls never queue the same sample.  Raises NothingToLabel where none waits, NotReady where the
    strategy lacks what it chooses by, ValueError for a mix with a strategy that does not rank by doubt.
    """
    _check(random_share, strategy, mix)
    rng = np.random.default_rng(seed)
    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=dataset.pk)
        ids = _candidates(dataset, rng)
        strategy = _possible(dataset, strategy, predictions)
        known = candidates.find(dataset, strategy, predictions)
        read, classes = candidates.read(dataset, ids, known)
        wanted = _mix(mix, count, dataset.classes, read, classes) if mix and known.model else None
        chosen = book.choose(strategy, read, count, random_share, rng, wanted)
        done = SelectionRound.objects.create(
            dataset=dataset,
            strategy=strategy,
            overlap=overlap,
            random_share=1.0 if strategy == SelectionRound.Strategy.RANDOM else random_share,
            mix=dict(mix or {}),
            expected=_expected(wanted.probs[chosen.rows], dataset.classes) if wanted else {},
            seed=seed,
            prediction_set=known.model,
            vectors=known.vectors.source if known.vectors else "",
            created_at=now,
        )
        reasons = sentences(strategy, read, chosen, classes)
        LabelTask.objects.bulk_create(_tasks(done, ids, chosen, reasons))
    return done


def _check(random_share: float, strategy: str, mix: Mapping[str, int] | None) -> None:
    if not LEAST_RANDOM_SHARE <= random_share <= 1:
        raise ValueError(f"random_share must lie in [{LEAST_RANDOM_SHARE}, 1], got {random_share}")
    if mix and strategy not in book.DOUBTS:
        raise ValueError(f"numbers per class go with {', '.join(book.DOUBTS)} only, got {strategy}")


def _possible(dataset: Dataset, strategy: str, predictions: PredictionSet | None) -> str:
    """Return the strategy, or chance in place of margin where no model has an opinion."""
    seen = predictions or dataset.prediction_sets.exists()
    by_chance = strategy == SelectionRound.Strategy.MARGIN and not seen
    return SelectionRound.Strategy.RANDOM if by_chance else strategy


def _mix(
    mix: Mapping[str, int], count: int, classes: Sequence[str], read: Candidates, known: Sequence[str]
) -> Mix:
    return Mix(_wanted(mix, count, classes), candidates.by_class(read.probs, known, classes))


def _candidates(dataset: Dataset, rng: np.random.Generator) -> list[int]:
    """Return one waiting sample of each group of near-equal pictures; ids, ascending.

    Groups in which a picture is labeled or queued already come only when no others are left: their labels
    teach little that is new.  Raises NothingToLabel where none waits.
    """
    waiting = list(dataset.samples.waiting().order_by("pk").values_list("pk", "duplicate_group"))
    if not waiting:
        raise NothingToLabel("No picture waits for a label: all are labeled, queued or test pictures.")
    spoken_for = dataset.samples.labeled() | dataset.samples.queued()
    taken = set(spoken_for.values_list("duplicate_group", flat=True)) - {""}
    fresh = [row for row in waiting if row[1] not in taken] or waiting
    rows = selection.one_per_group([group or f"alone {pk}" for pk, group in fresh], rng)
    return [fresh[row][0] for row in rows]


def _wanted(mix: Mapping[str, int], count: int, classes: Sequence[str]) -> NDArray[np.int64]:
    """Return the wanted numbers (K,) by the order of the classes."""
    strange = [name for name in mix if name not in classes]
    if strange:
        raise ValueError(f"a mix may name classes of the dataset only, got {strange[0]!r}")
    wanted = np.array([mix.get(name, 0) for name in classes], dtype=np.int64)
    if (wanted < 0).any() or wanted.sum() != count:
        raise ValueError(f"a mix must hold {count} samples, none less than 0; got {dict(mix)}")
    return wanted


def _expected(probs: NDArray[np.float64], classes: Sequence[str]) -> dict[str, float]:
    """Return how many of each class are chosen if the probabilities hold; unseen ones are like the rest."""
    seen = probs[~np.isnan(probs).any(axis=1)]
    if not len(seen):
        return {}
    return {
        name: round(float(share * len(probs)), 1) for name, share in zip(classes, seen.mean(0), strict=True)
    }


def _tasks(
    done: SelectionRound, ids: Sequence[int], chosen: Chosen, reasons: Sequence[str]
) -> list[LabelTask]:
    scores = selection.scores(chosen.doubt, chosen.audit)
    columns = (chosen.rows.tolist(), chosen.audit.tolist(), scores.tolist(), reasons)
    return [
        LabelTask(round=done, sample_id=ids[row], rank=rank, score=score, audit=audit, reason=reason)
        for rank, (row, audit, score, reason) in enumerate(zip(*columns, strict=True))
    ]
