"""What the records know of the samples that may be chosen: a model's probabilities, and vectors."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from labeling.models import Dataset, EmbeddingSet, PredictionSet, SelectionRound
from labeling.services import embeddings
from labeling.strategies import book
from labeling.strategies.book import Candidates


class NotReady(Exception):
    """A strategy lacks what it chooses by; the message says what, and where it comes from."""


class Known(NamedTuple):
    """What a strategy may go by; None where it does not ask, or where there is none."""

    model: PredictionSet | None
    vectors: EmbeddingSet | None


def find(dataset: Dataset, strategy: str, predictions: PredictionSet | None = None) -> Known:
    """Return what the strategy asks for: these predictions or the latest, and the vectors that go with them.

    Vectors are those that the model itself gave, where they are kept, else the latest.  Raises NotReady, with
    what to do, where something is missing.
    """
    label, model = str(SelectionRound.Strategy(strategy).label), None
    label = label[0].upper() + label[1:]
    if book.needs_probs(strategy):
        model = predictions or dataset.prediction_sets.first()
        if model is None:
            raise NotReady(f"{label} needs a model's opinion of the pictures: train one first.")
    vectors = None
    if book.needs_vectors(strategy):
        own = embeddings.latest(dataset, model.source) if model else None
        vectors = own or embeddings.latest(dataset)
        if vectors is None:
            raise NotReady(
                f"{label} needs vectors of the pictures: embed them first, on the page Features"
                " or by manage.py embed."
            )
    return Known(model, vectors)


def read(dataset: Dataset, ids: Sequence[int], known: Known) -> tuple[Candidates, list[str]]:
    """Return the candidates `ids` (N,), ascending, by what is known, and the classes that the model knew."""
    place = np.asarray(ids, dtype=np.int64)
    probs: NDArray[np.float64] = np.empty((len(ids), 0))
    classes: list[str] = []
    if known.model:
        with np.load(settings.STATE_DIR / known.model.path) as kept:
            classes = kept["classes"].tolist()
            probs = _placed(place, kept["sample_ids"], kept["probs"].astype(np.float64))
    if known.vectors is None:
        none = np.empty((len(ids), 0), dtype=np.float32)
        return Candidates(probs, none, none[:0]), classes
    seen, given = embeddings.read(known.vectors)
    spoken_for = given[np.isin(seen, _spoken_for(dataset))]
    return Candidates(probs, _placed(place, seen, given), spoken_for), classes


def by_class(probs: NDArray[np.float64], classes: Sequence[str], known: Sequence[str]) -> NDArray[np.float64]:
    """Return probabilities (N, K) of the `known` classes from those of a model's `classes`.

    A class that the model did not know has 0; rows of NaN stay so.
    """
    columns = [classes.index(name) if name in classes else None for name in known]
    unknown = np.where(np.isnan(probs).any(1), np.nan, 0.0)
    return np.stack([unknown if column is None else probs[:, column] for column in columns], axis=1)


def _spoken_for(dataset: Dataset) -> list[int]:
    """Return the ids of the pool's samples that have a label or stand in a queue."""
    labeled = dataset.samples.pool().labeled().values_list("pk", flat=True)
    return [*labeled, *dataset.samples.pool().unlabeled().queued().values_list("pk", flat=True)]


Kind = TypeVar("Kind", np.float32, np.float64)


def _placed(place: NDArray[np.int64], ids: NDArray[np.int64], rows: NDArray[Kind]) -> NDArray[Kind]:
    """Return the row (N, D) of each of the ascending ids `place`, NaN where there is none."""
    table = np.full((len(place), rows.shape[1]), np.nan, dtype=rows.dtype)
    at = np.minimum(np.searchsorted(place, ids), len(place) - 1)
    there = place[at] == ids
    table[at[there]] = rows[there]
    return table
