"""Keeps what the strategies' picks gained over the random share of their rounds."""

import numpy as np

from labeling import chance
from labeling.chance import Material, Round, Verdict
from labeling.models import Dataset, LabelTask, Sample, SelectionRound, TaskQuerySet
from labeling.services import embeddings

SEED = 0  # the same labels give the same figure


def measure(dataset: Dataset) -> Verdict | None:
    """Compare picked with random labels of all rounds by a strategy, and keep the figure on the dataset.

    None, and nothing is kept, while vectors, test labels or labels of either kind are too few.
    """
    given = _material(dataset)
    found = chance.compare(given, np.random.default_rng(SEED)) if given else None
    dataset.against_chance = found._asdict() if found else {}
    dataset.save(update_fields=["against_chance"])
    return found


def latest(dataset: Dataset) -> Verdict | None:
    return Verdict(**dataset.against_chance) if dataset.against_chance else None


def _material(dataset: Dataset) -> Material | None:
    """Return the labeled samples that have a vector, by their part in the rounds.

    The vectors are the latest that no label has shaped: a run's own would favor what it was trained on.
    """
    vectors = dataset.embedding_sets.exclude(source__startswith="run:").first()
    tasks = _tasks(dataset)
    if vectors is None or not tasks.exists():
        return None
    ids, x = embeddings.read(vectors)
    row = {pk: place for place, pk in enumerate(ids.tolist())}
    labels, tested = np.full(len(ids), -1, dtype=np.int64), np.zeros(len(ids), dtype=np.bool_)
    for pk, label, split in dataset.samples.labeled().values_list("pk", "label", "split"):
        if pk in row and label in dataset.classes:
            labels[row[pk]] = dataset.classes.index(label)
            tested[row[pk]] = split == Sample.Split.TEST
    rounds: dict[int, tuple[list[int], list[int]]] = {}
    for number, pk, audit in tasks.order_by("round", "rank").values_list("round", "sample", "audit"):
        if pk in row and labels[row[pk]] >= 0:
            rounds.setdefault(number, ([], []))[audit].append(row[pk])
    pairs = [Round(*(np.array(part, dtype=np.int64) for part in pair)) for pair in rounds.values()]
    asked = [one for pair in rounds.values() for part in pair for one in part]
    before = np.setdiff1d(np.flatnonzero((labels >= 0) & ~tested), asked)
    return Material(x, labels, before, pairs, np.flatnonzero(tested))


def _tasks(dataset: Dataset) -> TaskQuerySet:
    """Return the tasks of rounds by a strategy whose samples have a label and are trained on."""
    chosen = LabelTask.objects.filter(round__dataset=dataset, sample__split=Sample.Split.TRAIN)
    return chosen.exclude(round__strategy=SelectionRound.Strategy.RANDOM).exclude(sample__label="")
