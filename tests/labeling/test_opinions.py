from datetime import timedelta

import numpy as np
import pytest

from labeling.models import Annotation, Annotator, Dataset, PredictionSet, Sample
from labeling.services import opinions

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(state, now) -> Dataset:
    return Dataset.objects.create(name="pets", classes=["cat", "dog", "fox"], created_at=now)


@pytest.fixture
def samples(dataset, now) -> list[Sample]:
    return add(dataset, "abcd", now)


def add(dataset, keys, now):
    return [
        Sample.objects.create(dataset=dataset, key=k, name=k, file=k, width=1, height=1, added_at=now)
        for k in keys
    ]


def say(sample, label, who=None, after=0, **fields):
    """Let a person say so; nobody is an import."""
    person = who and Annotator.objects.get_or_create(email=f"{who}@example.org")[0]
    at = sample.added_at + timedelta(minutes=after)
    return Annotation.objects.create(
        sample=sample,
        source="label_studio" if who else "import",
        annotator=person or None,
        label=label,
        created_at=at,
        updated_at=at,
        **fields,
    )


def settled(dataset, sample) -> str:
    opinions.settle_labels(dataset)
    sample.refresh_from_db()
    return sample.label


@pytest.mark.parametrize(
    "fields",
    [
        {"skipped": True},
        {"superseded": True},
        {"label": ""},
        {"label": "wolf"},
        {"deleted_at": "2026-11-23T12:00Z"},
    ],
)
def test_opinions_that_do_not_stand_settle_nothing(dataset, samples, fields):
    say(samples[0], **{"label": "cat", "who": "ann", **fields})
    assert settled(dataset, samples[0]) == ""


def test_a_label_whose_last_opinion_was_deleted_is_taken_back(dataset, samples, now):
    one = say(samples[0], "cat", "ann")
    assert settled(dataset, samples[0]) == "cat"
    Annotation.objects.filter(pk=one.pk).update(deleted_at=now)
    assert settled(dataset, samples[0]) == ""


def test_another_datasets_opinions_do_no_harm(dataset, samples, now):
    other = Dataset.objects.create(name="other", classes=["x"], created_at=now)
    say(samples[0], "cat", "ann")
    assert opinions.settle_labels(other) == 0
    samples[0].refresh_from_db()
    assert samples[0].label == ""


def test_the_majority_settles(dataset, samples):
    for who, label in [("ann", "cat"), ("bob", "dog"), ("cem", "cat")]:
        say(samples[0], label, who)
    assert settled(dataset, samples[0]) == "cat"


def test_a_person_counts_once_with_the_latest_opinion(dataset, samples):
    say(samples[0], "dog", "ann", after=2)
    say(samples[0], "cat", "ann", after=1)
    say(samples[0], "cat", "ann", after=0)
    assert settled(dataset, samples[0]) == "dog"


def test_who_looks_outranks_an_import(dataset, samples):
    say(samples[0], "cat")
    assert settled(dataset, samples[0]) == "cat"
    say(samples[0], "dog", "ann")
    assert settled(dataset, samples[0]) == "dog"


def test_settling_counts_changes_and_twice_changes_nothing(dataset, samples):
    say(samples[0], "cat", "ann")
    say(samples[1], "dog", "ann")
    assert (opinions.settle_labels(dataset), opinions.settle_labels(dataset)) == (2, 0)


def test_agreement_needs_two_people(dataset, samples):
    say(samples[0], "cat")
    say(samples[0], "cat", "ann")
    assert opinions.measure_agreement(dataset) is None
    say(samples[0], "dog", "bob")
    say(samples[1], "dog", "ann")
    say(samples[1], "dog", "bob")
    assert opinions.measure_agreement(dataset)[:2] == (2, 0.5)


def record(dataset, ids, probs, now) -> PredictionSet:
    return opinions.record_predictions(
        dataset, ids, np.asarray(probs, dtype=np.float64), source="run:7", model_version="run-7", now=now
    )


@pytest.mark.parametrize(
    ("probs", "rule"),
    [
        ([[0.5, 0.5, 0.0]], "ids by classes"),
        ([[0.5, 0.5], [0.5, 0.5]], "ids by classes"),
        ([[0.5, 0.5, 0.5], [1, 0, 0]], "sum to one"),
        ([[np.nan, 0.5, 0.5], [1, 0, 0]], "finite"),
        ([[np.inf, 0, 0], [1, 0, 0]], "finite"),
        ([[1.5, -0.5, 0], [1, 0, 0]], "not negative"),
    ],
)
def test_probabilities_that_are_none_are_refused_and_leave_no_trace(
    dataset, samples, state, now, probs, rule
):
    with pytest.raises(ValueError, match=rule):
        record(dataset, [samples[0].pk, samples[1].pk], probs, now)
    assert not PredictionSet.objects.exists()
    assert not (state / "predictions").exists()


@pytest.mark.parametrize("which", ["twice", "foreign", "unknown"])
def test_ids_must_name_own_samples_once(dataset, samples, now, which):
    other = Dataset.objects.create(name="other", classes=dataset.classes, created_at=now)
    foreign = add(other, "z", now)[0]
    ids = {
        "twice": [samples[0].pk] * 2,
        "foreign": [samples[0].pk, foreign.pk],
        "unknown": [samples[0].pk, 0],
    }
    with pytest.raises(ValueError, match="once"):
        record(dataset, ids[which], [[1, 0, 0], [1, 0, 0]], now)


def test_predictions_are_kept_and_cached(dataset, samples, state, now):
    kept = record(dataset, [samples[2].pk, samples[0].pk], [[0.2, 0.7, 0.1], [0.4, 0.2, 0.4]], now)
    with np.load(state / kept.path) as arrays:
        assert arrays["sample_ids"].tolist() == [samples[2].pk, samples[0].pk]
        assert arrays["probs"] == pytest.approx(np.array([[0.2, 0.7, 0.1], [0.4, 0.2, 0.4]]))
        assert arrays["classes"].tolist() == dataset.classes
    rows = list(dataset.samples.order_by("key").values_list("predicted", "doubt"))
    assert rows == [("cat", pytest.approx(1.0)), ("", None), ("dog", pytest.approx(0.5)), ("", None)]
    assert (kept.count, kept.source, kept.model_version) == (2, "run:7", "run-7")


def test_no_samples_no_harm(dataset, samples, now):
    assert record(dataset, [], np.empty((0, 3)), now).count == 0


def test_later_predictions_take_the_cache_and_leave_the_rest(dataset, samples, now):
    record(dataset, [s.pk for s in samples], [[1, 0, 0]] * 4, now)
    record(dataset, [samples[0].pk], [[0, 0, 1]], now)
    assert list(dataset.samples.order_by("key").values_list("predicted", flat=True)) == [
        "fox",
        "cat",
        "cat",
        "cat",
    ]
    assert PredictionSet.objects.count() == 2


def test_what_is_not_to_be_shown_is_kept_and_changes_no_sample(dataset, samples, now):
    ids = [sample.pk for sample in samples]
    first, second = np.tile([0.8, 0.1, 0.1], (4, 1)), np.tile([0.1, 0.8, 0.1], (4, 1))
    opinions.record_predictions(dataset, ids, first, source="run:1", model_version="1", now=now)
    opinions.record_predictions(dataset, ids, second, source="run:2", model_version="2", now=now, shown=False)
    assert set(dataset.samples.values_list("predicted", flat=True)) == {"cat"}
    assert PredictionSet.objects.count() == 2


def test_labels_tell_where_they_came_from(dataset, samples, now):
    """a: imported; b: imported, and a program looked; c: a program and a person looked; d: tested."""
    person = Annotator.objects.create(email="ada@example.org")
    program = Annotator.objects.create(email="bot@example.org", simulated=True)
    given = [("a", None), ("b", None), ("b", program), ("c", program), ("c", person), ("d", person)]
    for key, who in given:
        Annotation.objects.create(
            sample=dataset.samples.get(key=key),
            source="label_studio" if who else "import",
            annotator=who,
            label="cat",
            created_at=now,
            updated_at=now,
        )
    dataset.samples.update(label="cat")
    dataset.samples.filter(key="d").update(split="test")
    assert opinions.label_origins(dataset) == {"import": 1, "people": 1, "simulated": 1}
