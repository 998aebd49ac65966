"""What goes up to training, and which samples people label next."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from django.conf import settings
from django.db import transaction
from numpy.typing import NDArray

from labeling import selection
from labeling.models import Dataset, LabelTask, PredictionSet, Sample, SelectionRound
from labeling.snapshot import Snapshot, fingerprint

LEAST_RANDOM_SHARE = 0.15  # below it, the audit stream is too thin to judge the labels and the model by


class NothingToLabel(Exception):
    """No sample waits for a label; the message says so to a person."""


class _Doubts(NamedTuple):
    """What the latest model thinks of N candidates."""

    doubt: NDArray[np.float64]  # (N,) NaN where it has not seen them
    reasons: list[str]  # (N,) "" likewise
    probs: NDArray[np.float64]  # (N, K) by the dataset's classes, NaN likewise


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
    asked for.  At least random_share of them is drawn at random (audit).  By margin the doubts of
    `predictions` count, by default the latest; without any, all are drawn at random and the round says
    RANDOM.  A `mix` says how many are wanted of each class, `count` together: which picture is of which only
    the model can guess, and the round keeps what it expects.  The dataset's row is locked meanwhile:
    two calls never queue the same sample.  Raises NothingToLabel where none waits.
    """
    if not LEAST_RANDOM_SHARE <= random_share <= 1:
        raise ValueError(f"random_share must lie in [{LEAST_RANDOM_SHARE}, 1], got {random_share}")
    rng = np.random.default_rng(seed)
    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=dataset.pk)
        candidates = _candidates(dataset, rng)
        if not candidates:
            raise NothingToLabel("No picture waits for a label: all are labeled, queued or test pictures.")
        by_margin = strategy == SelectionRound.Strategy.MARGIN
        model = (predictions or dataset.prediction_sets.first()) if by_margin else None
        opinions = _opinions(model, candidates, dataset.classes)
        share = random_share if model else 1.0
        wanted = _wanted(mix, count, dataset.classes) if mix and model else None
        if wanted is None:
            chosen = selection.choose(opinions.doubt, count, share, rng)
        else:
            chosen = selection.choose_mix(opinions.doubt, opinions.probs, wanted, share, rng)
        done = SelectionRound.objects.create(
            dataset=dataset,
            strategy=strategy if model else SelectionRound.Strategy.RANDOM,
            overlap=overlap,
            random_share=share,
            mix=dict(mix or {}),
            expected=_expected(opinions.probs[chosen.rows], dataset.classes) if mix and model else {},
            seed=seed,
            prediction_set=model,
            created_at=now,
        )
        LabelTask.objects.bulk_create(_tasks(done, candidates, opinions, chosen))
    return done


def _candidates(dataset: Dataset, rng: np.random.Generator) -> list[int]:
    """Return one waiting sample of each group of near-equal pictures; ids, ascending.

    Groups in which a picture is labeled or queued already come only when no others are left: their labels
    teach little that is new.
    """
    waiting = list(dataset.samples.waiting().order_by("pk").values_list("pk", "duplicate_group"))
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


def _opinions(model: PredictionSet | None, candidates: Sequence[int], known: Sequence[str]) -> _Doubts:
    """Return what a prediction set says of the candidates; `known` are the dataset's classes."""
    doubt = np.full(len(candidates), np.nan)
    reasons = [""] * len(candidates)
    by_class = np.full((len(candidates), len(known)), np.nan)
    if model is None:
        return _Doubts(doubt, reasons, by_class)
    with np.load(settings.STATE_DIR / model.path) as kept:
        ids, probs, classes = kept["sample_ids"], kept["probs"], kept["classes"].tolist()
    row_of = {int(pk): row for row, pk in enumerate(ids)}
    seen = [(place, row_of[pk]) for place, pk in enumerate(candidates) if pk in row_of]
    doubts = selection.margin(probs)
    column = {name: number for number, name in enumerate(classes)}
    for place, row in seen:
        by_class[place] = [probs[row, column[name]] if name in column else 0.0 for name in known]
        first, second = np.argsort(-probs[row], kind="stable")[:2]  # as argmax does: of equals the first
        doubt[place] = doubts[row]
        reasons[place] = (
            f"The model hesitates between {_short(classes[first])} ({probs[row, first]:.2f})"
            f" and {_short(classes[second])} ({probs[row, second]:.2f})."
        )
    return _Doubts(doubt, reasons, by_class)


def _tasks(
    done: SelectionRound, candidates: Sequence[int], opinions: _Doubts, chosen: selection.Choice
) -> list[LabelTask]:
    scores = selection.scores(opinions.doubt[chosen.rows], chosen.audit)
    return [
        LabelTask(
            round=done,
            sample_id=candidates[row],
            rank=rank,
            score=score,
            audit=audit,
            reason=_reason(opinions.reasons[row], audit),
        )
        for rank, (row, audit, score) in enumerate(
            zip(chosen.rows.tolist(), chosen.audit.tolist(), scores.tolist(), strict=True)
        )
    ]


def _short(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:59]}…"


def _reason(hesitation: str, audit: bool) -> str:
    if audit:
        return "Drawn at random: keeps the evaluation honest."
    return hesitation or "No model has seen it yet: drawn at random among such."
