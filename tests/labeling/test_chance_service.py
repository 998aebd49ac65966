import numpy as np
import pytest
from test_choice import add, ask, predict

from labeling.models import Dataset
from labeling.services import chance
from labeling.services.embeddings import record_embeddings


@pytest.fixture
def dataset(db, state, now) -> Dataset:
    return Dataset.objects.create(name="pets", classes=["cat", "dog", "fox"], created_at=now)


def world(dataset, source="pixels", strategy="margin", count=100):
    """Test pictures, labels from before, and one round of which all is labeled."""
    test, before = add(dataset, 60, split="test"), add(dataset, 30)
    samples = [*test, *before, *add(dataset, 200)]
    truth = np.random.default_rng(0).integers(0, 3, len(samples))
    vectors = np.eye(3, 5)[truth] + 0.1 * np.random.default_rng(1).normal(size=(len(samples), 5))
    label(dataset, samples[:90], truth)
    ids = [s.pk for s in samples]
    record_embeddings(dataset, ids, vectors, source=source, fingerprint="f", now=dataset.created_at)
    predict(dataset, samples[90:], np.random.default_rng(2).dirichlet(np.ones(3), 200))
    done = ask(dataset, count, strategy=strategy)
    asked = set(done.tasks.values_list("sample", flat=True))
    label(dataset, samples, np.where([s.pk in asked for s in samples], truth, -1))
    label(dataset, samples[:90], truth)


def label(dataset, samples, numbers):
    for number, name in enumerate(dataset.classes):
        of = [s.pk for s, one in zip(samples, numbers, strict=False) if one == number]
        dataset.samples.filter(pk__in=of).update(label=name)


@pytest.mark.parametrize(
    "change", [{"source": "run:3"}, {"strategy": "random"}, {"count": 90}], ids=["vectors", "chance", "few"]
)
def test_nothing_is_told_where_it_cannot_be(dataset, change):
    """By a run's own vectors, with chance alone, with 18 random labels."""
    world(dataset, **change)
    assert chance.measure(dataset) is None
    dataset.refresh_from_db()
    assert chance.latest(dataset) is None


def test_no_vectors_and_no_rounds_tell_nothing(dataset):
    assert chance.measure(dataset) is None


def test_the_comparison_is_kept_and_repeats(dataset):
    world(dataset)
    found = chance.measure(dataset)
    dataset.refresh_from_db()
    assert (found.labels, found.n_test) == (20, 60)
    assert chance.latest(dataset) == chance.measure(dataset) == found


@pytest.mark.parametrize(
    ("p_value", "words"),
    [
        (0.05, "Picked pictures teach more than random ones: +2.0 points with 40 labels of each, added"),
        (0.055, "That picked pictures teach more than random ones is not shown: +2.0 points with 40 labels"),
    ],
)
def test_a_gain_is_claimed_by_the_five_percent_rule_only(p_value, words):
    assert chance.Verdict(0.02, p_value, 40, 500).sentence.startswith(words)


def test_samples_of_the_rounds_are_not_among_the_labels_from_before(dataset):
    world(dataset)
    given = chance._material(dataset)
    (one,) = given.rounds
    parts = [given.before, one.picked, one.drawn, given.test]
    assert [len(part) for part in parts] == [30, 80, 20, 60]
    assert len(np.unique(np.concatenate(parts))) == 190
    assert (given.labels[np.concatenate(parts)] >= 0).all()
