import pytest

from labeling.models import Dataset, LabelTask, SelectionRound
from labeling.services import annotators
from labeling.services.annotators import Tally
from tests.labeling.opinion_rows import add, say

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(now):
    return Dataset.objects.create(name="pets", classes=["cat", "dog"], created_at=now)


@pytest.fixture
def samples(dataset, now):
    return add(dataset, "abcdef", now)


def of(dataset, who):
    return {one.person.email: one for one in annotators.records(dataset)}[f"{who}@example.org"]


def test_nobody_has_no_record(dataset, samples, now):
    say(samples[0], "cat")
    assert annotators.records(dataset) == ()


@pytest.mark.parametrize(
    "fields", [{"deleted_at": "2026-11-23T12:00Z"}, {"superseded": True}, {"label": "emu"}]
)
def test_what_does_not_stand_does_not_count(fields, dataset, samples):
    say(samples[0], "cat", "ann")
    say(samples[1], **{"label": "dog", "who": "ann", **fields})
    assert of(dataset, "ann").labels == 1


def test_another_datasets_work_does_not_count(dataset, samples, now):
    other = Dataset.objects.create(name="others", classes=["cat", "dog"], created_at=now)
    say(add(other, "x", now)[0], "cat", "ann")
    say(samples[0], "cat", "bob")
    assert [one.person.email for one in annotators.records(dataset)] == ["bob@example.org"]


def test_the_busiest_comes_first_and_skips_count_apart(dataset, samples):
    say(samples[0], "cat", "ann")
    say(samples[1], "", "ann", skipped=True)
    for sample in samples[:2]:
        say(sample, "dog", "bob")
    assert [(one.person.email[:3], one.labels, one.skipped) for one in annotators.records(dataset)] == [
        ("bob", 2, 0),
        ("ann", 1, 1),
    ]


def test_agreement_is_with_the_others_alone(dataset, samples):
    """ann says cat of three: the others say dog, are tied, say cat; where nobody else looked says nothing."""
    for sample, others in zip(samples, [("dog", "dog"), ("dog", "cat"), ("cat",), ()], strict=False):
        say(sample, "cat", "ann")
        for who, label in zip(("bob", "cem"), others, strict=False):
            say(sample, label, who)
    found = of(dataset, "ann")
    assert found.others == Tally(1, 2)
    assert found.confusion.tolist() == [[1, 0], [1, 0]]


def test_gold_is_the_imported_label_where_imports_agree(dataset, samples):
    for label in ("cat", "dog"):
        say(samples[2], label)
    for sample, imported in zip(samples, ("cat", "dog"), strict=False):
        say(sample, imported)
    for sample in samples[:3]:
        say(sample, "cat", "ann")
    assert of(dataset, "ann").gold == Tally(1, 2)


def test_lead_time_leaves_slips_and_pauses_out(dataset, now):
    for number, sample in enumerate(add(dataset, [f"{n}" for n in range(10)], now)):
        say(sample, "cat", "ann", lead_time_s=[0.1, *[4.0] * 8, 3600.0][number])
    lead = of(dataset, "ann").lead
    assert (lead.n, lead.median_s, lead.trimmed_s) == (10, 4.0, 4.0)


@pytest.mark.parametrize("seconds", [None, 0.0])
def test_what_was_not_timed_has_no_lead_time(seconds, dataset, samples):
    say(samples[0], "cat", "ann", lead_time_s=seconds)
    assert of(dataset, "ann").lead is None


def test_only_what_began_from_a_proposal_can_change_one(dataset, samples, now):
    made = SelectionRound.objects.create(
        dataset=dataset, strategy="margin", random_share=0.2, seed=1, created_at=now
    )
    given = [("dog", True), ("cat", True), ("dog", False), ("", True)]
    for rank, (proposed, began) in enumerate(given):
        task = LabelTask.objects.create(
            round=made, sample=samples[rank], rank=rank, score=0, reason="r", proposed=proposed
        )
        say(samples[rank], "cat", "ann", task=task, from_proposal=began)
    assert of(dataset, "ann").proposals == Tally(1, 2)
