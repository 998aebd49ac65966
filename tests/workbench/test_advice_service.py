from datetime import timedelta

import pytest

from labeling.models import Annotation, Annotator, Dataset, LabelTask, Sample, SelectionRound
from labeling.progress import silent
from labeling.services import opinions
from labeling.services.choice import NothingToLabel
from trainer.curves.outlook import Forecast, Step
from trainer.engine.recipe import NAMED, Recipe
from trainer.models import Comparison, Curve, CurveCell, Run
from trainer.services import forecasts, outlooks
from trainer.services.forecasts import Kept
from workbench import jobs
from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job
from workbench.models import Advice
from workbench.services import advice

pytestmark = pytest.mark.django_db

PLAIN = NAMED["plain"]
STEPS = (Step(200, 0.88, 0.87, 0.89, 0.0, -0.01, 0.01), Step(400, 0.9, 0.88, 0.92, 0.02, 0.01, 0.03))
FORECAST = Forecast(STEPS, 0.88, False, "", ())


@pytest.fixture
def dataset(db, now):
    made = Dataset.objects.create(name="parts", classes=["good", "bent"], created_at=now)
    add(made, now, 150, label="good")
    add(made, now, 50, label="bent")
    add(made, now, 300)
    add(made, now, 20, label="good", split=Sample.Split.TEST)
    add(made, now, 20, label="bent", split=Sample.Split.TEST)
    return made


def add(dataset, now, count, **fields):
    first = Sample.objects.count()
    Sample.objects.bulk_create(
        Sample(
            dataset=dataset,
            key=f"{k:064}",
            name=f"{k}.png",
            file=f"{k}.png",
            width=8,
            height=8,
            duplicate_group=f"{k:064}",
            added_at=now,
            **fields,
        )
        for k in range(first, first + count)
    )


def draw_curve(dataset, now, *, n=200, finished=True):
    curve = Curve.objects.create(
        dataset=dataset, recipe={}, fingerprint="f", sizes=[n], repeats=[1], n_test=40, seed=1, created_at=now
    )
    metrics = {"accuracy": {"value": 0.88, "low": 0.7, "high": 0.95}}
    cell = CurveCell.objects.create(
        key=f"{curve.pk}", dataset=dataset, n=n, repeat=0, seed=1, metrics=metrics, receipt={}, created_at=now
    )
    curve.cells.add(cell)
    if finished:
        forecasts.record(curve, [Kept("accuracy", "", FORECAST, 0.5, 1.0)], now)
    return curve


def train(dataset, now, recipe=PLAIN, fingerprint="same data"):
    return Run.objects.create(
        dataset=dataset,
        name="r",
        recipe=recipe.to_json(),
        seed=1,
        state=Run.State.DONE,
        fingerprint=fingerprint,
        n_train=200,
        n_test=40,
        created_at=now,
    )


def compare(base, other, now, *, metric="accuracy"):
    return Comparison.objects.create(
        base=base,
        other=other,
        metric=metric,
        n=40,
        gain=0.02,
        low=-0.01,
        high=0.05,
        fixed=3,
        broken=1,
        created_at=now,
    )


def vote(sample, now, **labels):
    for name, label in labels.items():
        person, _ = Annotator.objects.get_or_create(email=f"{name}@example.org")
        Annotation.objects.create(
            sample=sample,
            source=Annotation.Source.LABEL_STUDIO,
            annotator=person,
            label=label,
            created_at=now,
            updated_at=now,
        )


# -- facts


def test_an_empty_dataset_has_no_facts_and_no_advice(db, now):
    empty = Dataset.objects.create(name="empty", created_at=now)
    facts = advice.gather_facts(empty)
    assert (facts.labels, facts.pool, facts.curve, facts.trials) == (0, 0, None, ())
    assert advice.refresh_advice(empty, now) == []


def test_counts(dataset, now):
    facts = advice.gather_facts(dataset)
    assert [(count.name, count.train, count.test) for count in facts.classes] == [
        ("good", 150, 20),
        ("bent", 50, 20),
    ]
    assert (facts.labels, facts.pool, facts.queued, facts.shared, facts.disputed) == (200, 300, 0, 0, 0)


def test_queued_samples_are_part_of_the_pool(dataset, now):
    chosen = SelectionRound.objects.create(
        dataset=dataset, strategy="random", random_share=1, seed=1, created_at=now
    )
    for rank, sample in enumerate(Sample.objects.waiting()[:5]):
        LabelTask.objects.create(round=chosen, sample=sample, rank=rank, score=0, reason="Chance.")
    assert (advice.gather_facts(dataset).pool, advice.gather_facts(dataset).queued) == (300, 5)
    chosen.tasks.filter(rank=0).update(removed_at=now)
    assert advice.gather_facts(dataset).queued == 4


def test_disputed_samples_are_those_on_which_people_differ(dataset, now):
    alike, differ, lonely = dataset.samples.waiting()[:3]
    vote(alike, now, ann="good", bob="good")
    vote(differ, now, ann="good", bob="bent")
    vote(lonely, now, ann="good")
    assert opinions.disputed(dataset) == (2, [differ.pk])
    facts = advice.gather_facts(dataset)
    assert (facts.shared, facts.disputed) == (2, 1)


def test_only_a_finished_curve_is_a_fact(dataset, now):
    finished = draw_curve(dataset, now)
    coming = draw_curve(dataset, now + timedelta(hours=1), finished=False)
    facts = advice.gather_facts(dataset)
    assert facts.curve == outlooks.outlook_of(finished)
    assert not facts.curve_coming
    submit("trainer.curves.jobs.curve", "Curve", curve_id=coming.pk)
    assert advice.gather_facts(dataset).curve_coming


OTHERS = [
    (Recipe(width=16), "same data"),  # another network
    (Recipe(policy="gentle", min_steps=500), "same data"),
    (Recipe(policy="gentle"), "other data"),
    (PLAIN, "same data"),
]


@pytest.mark.parametrize(("recipe", "fingerprint"), OTHERS)
def test_comparisons_of_something_else_are_no_trials(dataset, now, recipe, fingerprint):
    compare(train(dataset, now), train(dataset, now, recipe, fingerprint), now)
    assert advice.gather_facts(dataset).trials == ()


@pytest.mark.parametrize(
    ("recipe", "augments", "rebalances"),
    [
        (Recipe(policy="gentle", copies=4), True, False),
        (Recipe(rebalance=1.0), False, True),
        (NAMED["augmented"], True, True),
    ],
)
def test_trials_say_what_was_changed(dataset, now, recipe, augments, rebalances):
    compare(train(dataset, now), train(dataset, now, recipe), now)
    (trial,) = advice.gather_facts(dataset).trials
    assert (trial.augments, trial.rebalances, trial.labels, trial.n) == (augments, rebalances, 200, 40)
    assert (trial.gain, trial.low, trial.high) == (0.02, -0.01, 0.05)


def test_a_comparison_the_other_way_round_is_turned(dataset, now):
    compare(train(dataset, now, NAMED["augmented"]), train(dataset, now), now)
    (trial,) = advice.gather_facts(dataset).trials
    assert (trial.augments, trial.gain, trial.low, trial.high) == (True, -0.02, -0.05, 0.01)


def test_a_change_against_another_change_is_no_trial(dataset, now):
    compare(train(dataset, now, Recipe(policy="gentle")), train(dataset, now, Recipe(rebalance=1.0)), now)
    assert advice.gather_facts(dataset).trials == ()


# -- keeping it


def test_advice_carries_the_figures_of_the_forecast(dataset, now):
    draw_curve(dataset, now)
    first, *_ = advice.refresh_advice(dataset, now)
    assert (first.adviser, first.action, first.labels) == ("label_more", "Label 200 more samples", 200)
    assert (first.gain, first.low, first.high, first.n, first.shown) == (0.02, 0.01, 0.03, 40, True)
    assert first.level == 0.9


def test_the_same_words_change_nothing(dataset, now):
    before = advice.refresh_advice(dataset, now)
    again = advice.refresh_advice(dataset, now + timedelta(hours=1))
    assert [row.pk for row in again] == [row.pk for row in before]
    assert Advice.objects.count() == len(before) > 0


def test_new_figures_make_the_old_advice_outdated(dataset, now):
    old = advice.refresh_advice(dataset, now)
    draw_curve(dataset, now)
    later = now + timedelta(hours=1)
    new = advice.refresh_advice(dataset, later)
    kept = Advice.objects.filter(pk__in=[row.pk for row in old])
    assert {(row.state, row.decided_at) for row in kept} == {(Advice.State.OUTDATED, later)}
    assert {row.state for row in new} == {Advice.State.OPEN}
    assert new[0].adviser == "label_more"


def test_dismissed_words_are_not_said_again(dataset, now):
    first, *rest = advice.refresh_advice(dataset, now)
    advice.dismiss_advice(first)
    again = advice.refresh_advice(dataset, now)
    assert [row.adviser for row in again] == [row.adviser for row in rest]
    first.refresh_from_db()
    assert first.state == Advice.State.DISMISSED


def test_the_job_tells_what_it_advises_and_bears_a_lost_dataset(dataset, now):
    assert jobs.refresh_advice(silent, dataset_id=0) is None
    told = jobs.refresh_advice(silent, dataset_id=dataset.pk)
    assert told == {"advice": [row.action for row in Advice.objects.all()]}


# -- deciding


def open_advice(dataset, now, adviser, **fields):
    return Advice.objects.create(
        dataset=dataset, adviser=adviser, action="Do", because="So.", created_at=now, **fields
    )


@pytest.mark.parametrize("state", [Advice.State.TAKEN, Advice.State.DISMISSED, Advice.State.OUTDATED])
def test_only_open_advice_can_be_decided_on(dataset, now, state):
    row = open_advice(dataset, now, "label_more", labels=10, state=state)
    assert advice.take_advice(row) is None
    advice.dismiss_advice(row)
    row.refresh_from_db()
    assert (row.state, Job.objects.count()) == (state, 0)


def test_advice_that_cannot_be_carried_out_stays_open(dataset, now):
    dataset.samples.unlabeled().delete()
    row = open_advice(dataset, now, "label_more", labels=10)
    with pytest.raises(NothingToLabel):
        advice.take_advice(row)
    row.refresh_from_db()
    assert (row.state, Job.objects.count()) == (Advice.State.OPEN, 0)


def test_taking_more_labels_queues_exactly_so_many(dataset, now):
    row = open_advice(dataset, now, "label_more", labels=25, gain=0.02, low=0.01, high=0.03, n=40)
    job = advice.take_advice(row, requested_by="eva")
    assert (job.work, job.requested_by) == ("labeling.jobs.push", "eva")
    assert LabelTask.objects.filter(round__dataset=dataset).count() == 25
    row.refresh_from_db()
    assert row.state == Advice.State.TAKEN
    assert row.decided_at is not None


def test_the_first_batch_is_chosen_by_chance(dataset, now):
    advice.take_advice(open_advice(dataset, now, "label_more", labels=25))
    assert dataset.rounds.get().strategy == SelectionRound.Strategy.RANDOM


def test_taking_a_curve_starts_one(dataset, now, state):
    job = advice.take_advice(open_advice(dataset, now, "draw_curve"))
    assert (job.work, dataset.curves.count()) == (
        "trainer.curves.jobs.curve",
        3,  # the recipe, and two kinds of heads beside it
    )


@pytest.mark.parametrize("adviser", ["fix_labels", "label_more"])
def test_what_no_machine_can_do_is_only_marked(adviser, dataset, now):
    row = open_advice(dataset, now, adviser)  # label_more without labels asks for pictures
    assert advice.take_advice(row) is None
    row.refresh_from_db()
    assert row.state == Advice.State.TAKEN
