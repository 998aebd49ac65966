"""Settles the labels of samples with several opinions by a method that weighs people, or by the majority."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from labeling.consensus import table
from labeling.consensus.table import Table, Weighed
from labeling.models import Dataset, PredictionSet, Settlement
from labeling.services import opinions
from labeling.services.opinions import Word

BEST = "best"  # CROWDLAB where it can run, else the majority
METHODS = (BEST, *Settlement.Method.values)
SEVERAL = 2  # opinions that it takes before a method has a say: one alone stands until somebody looks again
NO_PREDICTIONS = "There are no out-of-fold predictions of these classes yet"
NOT_COVERED = "No sample that has them was judged alike by two people"


@dataclass(frozen=True, eq=False)
class Case:
    """What is to be settled, and how."""

    asked: str
    method: str  # of Settlement.Method
    table: Table  # samples that people judged
    marks: tuple[str, ...]  # (N,) opinions.mark of each sample
    probs: NDArray[np.float64] | None = None  # (N, K), where a model has a say
    note: str = ""  # why it is not what was asked for
    source: str = ""  # of probs

    @property
    def shared(self) -> int:
        """How many samples have several opinions."""
        return int((self.table.votes >= SEVERAL).sum())


def open_case(dataset: Dataset, asked: str, predictions: PredictionSet | None) -> Case:
    """Read the opinions and choose what can run; raises ValueError where there is no such method.

    A model's word counts only where it never saw the label, and never on test samples: a label that measures
    a model must not lean on one.  Where CROWDLAB cannot run, the majority decides.
    """
    if asked not in METHODS:
        raise ValueError(f"the method must be one of {', '.join(METHODS)}, got {asked!r}")
    said = opinions.people(dataset)
    marks = tuple(opinions.mark(voices) for voices in said.values())
    plain = Case(asked, Settlement.Method.MAJORITY, table.build(said, dataset.classes), marks)
    if asked in (Settlement.Method.MAJORITY, Settlement.Method.DAWID_SKENE):
        return replace(plain, method=asked)
    known = _probs(dataset, predictions) if predictions else None
    if predictions is None or known is None:
        return replace(plain, note=f"{NO_PREDICTIONS}: the majority decides.")
    return _with_model(dataset, plain, known, predictions.source)


def settle(dataset: Dataset, case: Case, weighed: Weighed | None, now: datetime) -> Settlement:
    """Write what the method says through the one door, and record it; None: the majority decides.

    Only samples with several opinions are settled, and by a class that somebody named.  Opinions that came
    in meanwhile count: the majority decides on their samples.
    """
    words = _words(case, weighed) if weighed else {}
    changed = opinions.settle_labels(dataset, words)
    quality = {}
    if weighed:
        told = zip(case.table.people, weighed.quality.tolist(), strict=True)
        quality = {str(who): one for who, one in told if who and not np.isnan(one)}
    return Settlement.objects.create(
        dataset=dataset,
        asked=case.asked,
        method=case.method,
        note=case.note,
        source=case.source,
        samples=len(words) if weighed else case.shared,
        changed=changed,
        quality=quality,
        created_at=now,
    )


def _probs(dataset: Dataset, predictions: PredictionSet) -> Mapping[int, NDArray[np.float64]] | None:
    """Return the probabilities by sample; None where they are of other classes."""
    with np.load(settings.STATE_DIR / predictions.path) as kept:
        if kept["classes"].tolist() != dataset.classes:
            return None
        return dict(zip(kept["sample_ids"].tolist(), kept["probs"].astype(np.float64), strict=True))


def _with_model(dataset: Dataset, plain: Case, known: Mapping[int, NDArray[np.float64]], source: str) -> Case:
    pool = set(dataset.samples.pool().values_list("pk", flat=True))
    chosen = np.array([pk in known and pk in pool for pk in plain.table.ids], dtype=bool)
    covered = plain.table.rows(chosen)
    if not len(covered.ids) or not (table.counts(covered.said, len(covered.classes)) > 1).any():
        return replace(plain, note=f"{NOT_COVERED}: the majority decides.")
    marks = tuple(one for one, here in zip(plain.marks, chosen, strict=True) if here)
    probs = np.stack([known[pk] for pk in covered.ids])
    method = Settlement.Method.CROWDLAB
    return replace(plain, method=method, table=covered, marks=marks, probs=probs, source=source)


def _words(case: Case, weighed: Weighed) -> dict[int, Word]:
    given = case.table
    named = table.counts(given.said, len(given.classes))
    several = given.votes >= SEVERAL
    by_people = named[np.arange(len(given.ids)), weighed.labels] > 0
    return {
        given.ids[row]: Word(
            given.classes[weighed.labels[row]], case.method, float(weighed.confidence[row]), case.marks[row]
        )
        for row in np.flatnonzero(several & by_people)
    }
