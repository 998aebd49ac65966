"""What settles a label, who has a say, and how long a method's word stands."""

import pytest

from labeling.consensus import jobs
from labeling.models import Annotation, Dataset, Settlement
from labeling.services import consensus, opinions
from tests.labeling.opinion_rows import add, predict, say

pytestmark = pytest.mark.django_db


def quiet(progress):
    pass


@pytest.fixture
def dataset(state, now):
    return Dataset.objects.create(name="pets", classes=["cat", "dog", "fox"], created_at=now)


@pytest.fixture
def samples(dataset, now):
    """Twelve samples that ann and bob judge alike, and a last one on which they differ."""
    made = add(dataset, [f"{number:02d}" for number in range(13)], now)
    for number, sample in enumerate(made):
        say(sample, dataset.classes[number % 2], "ann")
        say(sample, dataset.classes[number % 2 if number < 12 else 1], "bob")
    opinions.settle_labels(dataset)
    return made


def sure(dataset, samples, last):
    """A model that agrees with people, and says `last` of the last sample."""
    names = [dataset.classes[number % 2] for number in range(len(samples) - 1)] + [last]
    return {
        one.pk: [0.96 if name == told else 0.02 for told in dataset.classes]
        for one, name in zip(samples, names, strict=True)
    }


def settle(dataset, predictions=None, method="best"):
    jobs.settle_by_model(
        quiet, dataset_id=dataset.pk, method=method, prediction_set_id=predictions.pk if predictions else None
    )
    return dataset.settlements.first()


def label(sample):
    sample.refresh_from_db()
    return sample.label, sample.label_method


# --- what must not happen


def test_a_gone_dataset_settles_nothing():
    assert jobs.settle_by_model(quiet, dataset_id=2**31 - 1) is None


def test_an_unknown_method_is_refused(dataset):
    with pytest.raises(ValueError, match="must be one of best, majority, dawid-skene, crowdlab, got 'vote'"):
        consensus.open_case(dataset, "vote", None)


def test_nothing_shared_is_not_settled_nor_recorded(dataset, now):
    sample = add(dataset, "a", now)[0]
    say(sample, "cat", "ann")
    told = jobs.settle_by_model(quiet, dataset_id=dataset.pk)
    assert told["note"] == "No sample was judged by two people."
    assert not Settlement.objects.exists()


@pytest.mark.parametrize("method", ["best", "crowdlab", "dawid-skene"])
def test_one_opinion_alone_stands(method, dataset, samples, now):
    alone = add(dataset, ["alone"], now)[0]
    say(alone, "fox", "ann")
    opinions.settle_labels(dataset)
    settle(
        dataset,
        predict(dataset, {**sure(dataset, samples, "cat"), alone.pk: [0.98, 0.01, 0.01]}, now),
        method,
    )
    assert label(alone) == ("fox", "")


def test_a_test_label_never_leans_on_a_model(dataset, samples, now):
    before = label(samples[-1])
    dataset.samples.filter(pk=samples[-1].pk).update(split="test")
    other = {"cat": "dog", "dog": "cat"}[before[0]]
    assert settle(dataset, predict(dataset, sure(dataset, samples, other), now)).method == "crowdlab"
    assert label(samples[-1]) == before


def test_a_class_that_nobody_named_is_no_label(dataset, samples, now):
    before = label(samples[-1])
    made = settle(dataset, predict(dataset, sure(dataset, samples, "fox"), now))
    assert (made.method, made.samples, made.changed) == ("crowdlab", 12, 0)
    assert label(samples[-1]) == before


@pytest.mark.parametrize(
    ("classes", "few", "words"),
    [
        (["dog", "cat", "fox"], 13, "no out-of-fold predictions of these classes yet: the majority decides."),
        (None, 0, "judged alike by two people: the majority decides."),
    ],
)
def test_where_crowdlab_cannot_run_the_majority_decides(classes, few, words, dataset, samples, now):
    probs = dict(list(sure(dataset, samples, "cat").items())[:few])
    made = settle(dataset, predict(dataset, probs, now, classes) if probs else predict_none(dataset, now))
    assert (made.asked, made.method, made.samples, made.source) == ("best", "majority", 13, "")
    assert made.note.endswith(words)


def predict_none(dataset, now):
    other = add(dataset, ["other"], now)[0]
    return predict(dataset, {other.pk: [1, 0, 0]}, now)


# --- what a method says


@pytest.mark.parametrize("says", ["cat", "dog"])
def test_a_model_decides_where_two_people_differ(says, dataset, samples, now):
    made = settle(dataset, predict(dataset, sure(dataset, samples, says), now))
    assert label(samples[-1]) == (says, "crowdlab")
    assert 0.5 < samples[-1].label_confidence < 1
    assert (made.method, made.samples, made.source, made.note) == ("crowdlab", 13, "run:1:oof", "")
    assert len(made.quality) == 2


def test_dawid_skene_needs_no_model_and_settles_test_samples_too(dataset, samples, now):
    dataset.samples.update(split="test")
    made = settle(dataset, method="dawid-skene")
    assert (made.method, made.samples) == ("dawid-skene", 13)
    assert label(samples[0]) == ("cat", "dawid-skene")


def test_the_majority_takes_all_back(dataset, samples, now):
    before = label(samples[-1])
    other = {"cat": "dog", "dog": "cat"}[before[0]]
    settle(dataset, predict(dataset, sure(dataset, samples, other), now))
    made = settle(dataset, method="majority")
    assert (label(samples[-1]), made.changed, made.quality) == (before, 1, {})
    assert not dataset.samples.exclude(label_method="").exists()


# --- how long its word stands


@pytest.fixture
def turned(dataset, samples, now):
    """The last sample, which CROWDLAB settled against the majority's tie."""
    before = label(samples[-1])[0]
    other = {"cat": "dog", "dog": "cat"}[before]
    settle(dataset, predict(dataset, sure(dataset, samples, other), now))
    assert label(samples[-1]) == (other, "crowdlab")
    return samples[-1], before


def test_the_next_sync_does_not_flip_it_back(dataset, turned):
    sample, _ = turned
    before = label(sample)
    assert opinions.settle_labels(dataset) == 0
    assert label(sample) == before


def test_an_opinion_withdrawn_makes_the_majority_decide(dataset, turned, now):
    sample, _ = turned
    said = {one.label: one for one in sample.annotations.all()}
    Annotation.objects.filter(pk=said[label(sample)[0]].pk).update(deleted_at=now)
    assert opinions.settle_labels(dataset) == 1
    assert label(sample)[1] == ""
    assert (sample.label_confidence, sample.label_votes) == (None, "")


@pytest.mark.parametrize("who", ["cem", "ann"])
def test_a_new_opinion_makes_the_majority_decide_on_its_sample_alone(who, dataset, samples, turned):
    sample, before = turned
    say(sample, before, who, after=5)
    say(sample, before, "bob", after=5)
    opinions.settle_labels(dataset)
    assert label(sample) == (before, "")
    assert label(samples[0]) == ("cat", "crowdlab")


def test_a_class_that_is_gone_is_no_label(dataset, turned):
    sample, before = turned
    Dataset.objects.filter(pk=dataset.pk).update(classes=[before, "fox"])
    opinions.settle_labels(dataset)
    assert label(sample) == (before, "")


def test_an_opinion_that_came_meanwhile_counts(dataset, samples, now):
    case = consensus.open_case(dataset, "dawid-skene", None)
    say(samples[-1], "fox", "cem", after=1)
    say(samples[-1], "fox", "dan", after=1)
    say(samples[-1], "fox", "eve", after=1)
    consensus.settle(dataset, case, jobs._weigh(case), now)
    assert label(samples[-1]) == ("fox", "")
    assert label(samples[0]) == ("cat", "dawid-skene")
