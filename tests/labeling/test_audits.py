"""Which labels count as audited, what is known of them, and what the rate is of planted errors."""

from datetime import timedelta

import numpy as np
import pytest

from labeling.models import Annotation, Annotator, Dataset, LabelIssue, LabelTask, Sample, SelectionRound
from labeling.services import audits, opinions

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(now):
    return Dataset.objects.create(name="pets", classes=["cat", "dog"], created_at=now)


@pytest.fixture
def say(dataset, now):
    """Add a sample and what was said of it, one after the other: (label, kind of round or "import")."""
    rounds = {}

    def said(*told, split="test", audit=False, gold=False):
        key = f"{Sample.objects.count():04d}"
        sample = Sample.objects.create(
            dataset=dataset, key=key, name=key, file=key, width=8, height=8, split=split, added_at=now
        )
        for place, (label, how) in enumerate(told):
            task = None
            if how not in ("import", "seedbed"):
                made = rounds.get(how) or SelectionRound.objects.create(
                    dataset=dataset, strategy=how, random_share=0, seed=1, created_at=now
                )
                rounds[how] = made
                task, _ = LabelTask.objects.get_or_create(
                    round=made, sample=sample, defaults={"rank": 0, "score": 0, "audit": audit, "gold": gold}
                )
            who = (
                None if how == "import" else Annotator.objects.get_or_create(email=f"a{place}@example.org")[0]
            )
            Annotation.objects.create(
                sample=sample, annotator=who, label=label, task=task, decides=how == "seedbed",
                source=how if how in ("import", "seedbed") else "label_studio",
                created_at=now + timedelta(seconds=place), updated_at=now + timedelta(seconds=place),
            )  # fmt: skip
        opinions.settle_labels(dataset)
        return sample

    return said


def known(dataset, test=False):
    """(labels, audited, wrong) of each stratum that has labels, the reviewed first."""
    found = audits.of_labels(dataset)[test]
    assert audits.of_test_labels(dataset) == audits.of_labels(dataset)[1]
    return [tuple(one[1:]) for one in (found.reviewed, *found.others) if one.labels]


IMPORT, M, R, S = "import", "margin", "review", "second"


@pytest.mark.parametrize(
    "told",
    [
        [("cat", IMPORT)],
        [("cat", IMPORT), ("dog", S)],
        [("cat", IMPORT), ("dog", S), ("cat", S)],
        [("cat", IMPORT), ("cow", S), ("cow", S)],
        [("cat", IMPORT), ("dog", R), ("dog", R)],  # a model doubted it: no random draw
        [("cat", IMPORT), ("dog", "seedbed")],  # neither was what somebody stumbled upon
        [("cat", IMPORT), ("dog", "adjudication")],
    ],
)
def test_labels_that_nobody_could_judge_are_not_audited(dataset, say, told):
    say(*told)
    assert known(dataset, test=True) == [(1, 0, 0)]


def test_answers_to_gold_tasks_judge_no_label(dataset, say):
    say(("cat", IMPORT), ("dog", M), ("dog", M), gold=True)
    assert known(dataset) == [(1, 0, 0)]


def test_training_labels_say_nothing_of_test_labels(dataset, say):
    say(("cat", IMPORT), ("dog", S), ("dog", S), split="train")
    assert known(dataset, test=True) == []
    assert known(dataset) == [(1, 1, 1)]


def test_a_withdrawn_opinion_does_not_count(dataset, say):
    sample = say(("cat", IMPORT), ("dog", S), ("dog", S))
    sample.annotations.filter(label="dog").first().delete()
    assert known(dataset) == [(1, 0, 0)]


def test_one_person_twice_is_one_opinion(dataset, say):
    sample = say(("cat", IMPORT), ("dog", S), ("dog", M))
    sample.annotations.exclude(annotator=None).update(annotator=Annotator.objects.first())
    assert known(dataset) == [(1, 0, 0)]


def test_the_first_person_is_no_other_person(dataset, say):
    sample = say(("cat", M), ("dog", S), ("dog", S))
    first, second, _ = sample.annotations.order_by("created_at")
    Annotation.objects.filter(pk=second.pk).update(annotator=first.annotator)
    assert known(dataset) == [(1, 0, 0)]


@pytest.mark.parametrize("first", [IMPORT, M])
def test_two_others_who_agree_judge_the_first(dataset, say, first):
    say(("cat", first), ("dog", S), ("dog", S))
    say(("cat", first), ("cat", S), ("cat", S))
    assert known(dataset) == [(2, 2, 1)]


def test_a_dispute_is_undecided_until_somebody_decides(dataset, say):
    say(("cat", IMPORT), ("dog", S), ("cat", S))
    assert (known(dataset), audits.of_labels(dataset)[0].undecided) == ([(1, 0, 0)], 1)
    say(("cat", IMPORT), ("dog", S), ("cat", S), ("dog", "adjudication"))
    assert (known(dataset), audits.of_labels(dataset)[0].undecided) == ([(2, 1, 1)], 1)


def test_each_way_that_labels_come_is_a_stratum(dataset, say):
    say(("cat", IMPORT))
    say(("cat", M), ("dog", M), ("dog", M))
    say(("cat", M), ("cat", M), ("cat", M), audit=True)
    found = {one.name: one[1:] for one in audits.of_labels(dataset)[0].others}
    assert found == {audits.IMPORTED: (1, 0, 0), audits.CHOSEN: (1, 1, 1), audits.DRAWN: (1, 1, 0)}
    say(("cat", "seedbed"))
    assert audits.of_labels(dataset)[0].others[-1] == (audits.OTHER, 1, 0, 0)


@pytest.mark.parametrize(("verdict", "state", "wrong"), [("dog", "confirmed", 1), ("cat", "dismissed", 0)])
def test_reviewed_flags_are_a_stratum_of_which_all_is_known(dataset, say, now, verdict, state, wrong):
    sample = say(("cat", IMPORT), (verdict, R))
    LabelIssue.objects.create(
        sample=sample, given="cat", proposed="dog", score=0, confidence=1, reason="x", source="x",
        state=state, verdict=verdict, created_at=now,
    )  # fmt: skip
    say(("cat", IMPORT))
    found, _ = audits.of_labels(dataset)
    assert (known(dataset), found.repaired) == ([(1, 1, wrong), (1, 0, 0)], wrong)


def test_what_was_found_wrong_counts_no_longer_where_it_was_corrected(dataset, say):
    sample = say(("cat", IMPORT), ("dog", S), ("dog", S))
    assert (sample.annotations.count(), audits.of_labels(dataset)[0].repaired) == (3, 1)
    Sample.objects.update(label="cat")
    assert audits.of_labels(dataset)[0].repaired == 0


def test_few_audited_labels_give_a_sentence_and_no_rate(dataset, say):
    for _ in range(3):
        say(("cat", IMPORT), ("dog", S), ("dog", S))
    say(("cat", IMPORT))
    found, _ = audits.of_labels(dataset)
    assert found.rate is None
    assert found.hindrance.startswith("3 labels drawn at random were judged again by two people who agree")


def test_planted_errors_are_estimated_with_the_flagged_ones_reviewed(dataset, now):
    """1,000 imported labels, 80 wrong; a model finds 40 of these among 60; 120 are drawn at random."""
    rng = np.random.default_rng(3)
    wrong = rng.choice(1000, 80, replace=False)
    flagged = {*wrong[:40].tolist(), *rng.choice(np.setdiff1d(np.arange(1000), wrong), 20, False).tolist()}
    drawn = set(rng.choice(1000, 120, replace=False).tolist())
    people = [Annotator.objects.create(email=f"p{n}@example.org") for n in range(2)]
    rounds = {
        how: SelectionRound.objects.create(
            dataset=dataset, strategy=how, random_share=0, seed=1, created_at=now
        )
        for how in (S, R)
    }
    samples = Sample.objects.bulk_create(
        Sample(dataset=dataset, key=f"{n:04d}", name="x", file="x", width=8, height=8, added_at=now)
        for n in range(1000)
    )
    truth = {n: "dog" if n in set(wrong.tolist()) else "cat" for n in range(1000)}
    tasks = LabelTask.objects.bulk_create(
        LabelTask(round=rounds[how], sample=samples[n], rank=0, score=0)
        for how, chosen in ((S, drawn), (R, flagged))
        for n in sorted(chosen)
    )
    row = {one.pk: n for n, one in enumerate(samples)}
    Annotation.objects.bulk_create(
        Annotation(sample=one, label="cat", source="import", created_at=now, updated_at=now)
        for one in samples
    )
    later = now + timedelta(seconds=1)
    Annotation.objects.bulk_create(
        Annotation(
            sample_id=task.sample_id, task=task, annotator=who, label=truth[row[task.sample_id]],
            source="label_studio", created_at=later, updated_at=later,
        )
        for task in tasks
        for who in people
    )  # fmt: skip
    LabelIssue.objects.bulk_create(
        LabelIssue(
            sample=samples[n], given="cat", proposed="dog", score=0, confidence=1, reason="x", source="x",
            state="confirmed" if truth[n] == "dog" else "dismissed", verdict=truth[n], created_at=now,
        )
        for n in flagged
    )  # fmt: skip
    opinions.settle_labels(dataset)
    found, _ = audits.of_labels(dataset)
    assert (found.reviewed.labels, found.reviewed.wrong, found.others[0].labels) == (60, 40, 940)
    rate = found.rate
    assert rate.given.low < 0.08 < rate.given.high
    left = 80 - len((drawn | flagged) & set(wrong.tolist()))
    assert rate.standing.low < left / 1000 < rate.standing.high < rate.given.high
