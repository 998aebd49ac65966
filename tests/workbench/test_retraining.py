"""A rule on a real dataset: what the tick starts, keeps and leaves alone."""

from datetime import time, timedelta

import pytest
from django.utils import timezone

from labeling.models import Dataset, Sample
from tests.workbench.processes import command
from trainer.engine.recipe import NAMED, Recipe
from trainer.models import Run
from trainer.services import runs
from workbench.ledger.models import Job
from workbench.models import RetrainDecision, RetrainRule
from workbench.services import retraining, work
from workbench.services.retrain_facts import gather, rule_of

HOUR = timedelta(hours=1)


@pytest.fixture
def dataset(db, state, now):
    return Dataset.objects.create(name="Pets", classes=["cat", "dog"], created_at=now)


def label(dataset, split="train", **counts):
    """Add labeled pictures."""
    begin = dataset.samples.count()
    names = [name for name, count in counts.items() for _ in range(count)]
    Sample.objects.bulk_create(
        Sample(
            dataset=dataset, key=f"{begin + n:064x}", name=f"{n}.png", file="x", width=8, height=8,
            split=split, label=name, added_at=dataset.created_at,
        )
        for n, name in enumerate(names)
    )  # fmt: skip


@pytest.fixture
def labeled(dataset):
    label(dataset, "test", cat=3, dog=3)
    label(dataset, cat=12, dog=8)
    return dataset


def rule(dataset, now, **terms):
    made = RetrainRule(dataset=dataset, since=now, changed_at=now, **{"enabled": True, **terms})
    retraining.save_rule(made, by="ada", now=now)
    return RetrainRule.objects.get(pk=made.pk)


def end(state=Run.State.DONE, at=None, **fields):
    """Let all open runs and their jobs end; their rows say what workers would have written."""
    Job.objects.open().update(state=state, finished_at=at)
    Run.objects.filter(state__in=runs.OPEN).update(state=state, finished_at=at, **fields)


def said():
    return list(RetrainDecision.objects.order_by("pk").values_list("trigger", "started", "why"))


# --- what must not happen


def test_no_rule_no_training(labeled, now, django_assert_num_queries):
    with django_assert_num_queries(1):
        retraining.consider(now)
    assert not Job.objects.exists()


@pytest.mark.parametrize("terms", [{"enabled": False, "every_labels": 1}, {"every_labels": 21}, {}])
def test_a_rule_that_asks_for_nothing_starts_and_says_nothing(terms, labeled, now):
    rule(labeled, now, **terms)
    retraining.consider(now)
    assert (Job.objects.count(), said()) == (0, [])


def test_a_look_costs_one_query_until_the_next_one(labeled, now, django_assert_num_queries):
    rule(labeled, now, every_labels=1000)
    retraining.consider(now)
    with django_assert_num_queries(1):
        retraining.consider(now + retraining.LOOK_EVERY / 2)


def test_while_a_run_is_open_none_is_started_and_that_is_said_once(labeled, now):
    work.start_training(labeled, "augmented", seed=1)
    rule(labeled, now, every_labels=10)
    for look in range(4):
        retraining.consider(now + look * retraining.LOOK_EVERY)
    assert (Run.objects.count(), said()) == (1, [("labels", False, "open")])


def test_a_run_whose_job_still_writes_is_open(labeled, now):
    work.start_training(labeled, "plain", seed=1)
    Run.objects.update(state=Run.State.DONE, n_train=20)
    label(labeled, cat=10)
    assert gather(rule(labeled, now, every_labels=10), now).open_run == Run.objects.get().pk


def test_what_was_started_is_not_started_again(labeled, now):
    rule(labeled, now, every_labels=10)
    for look in range(3):
        retraining.consider(now + look * retraining.LOOK_EVERY)
        end(n_train=20)
    assert (Run.objects.count(), said()) == (1, [("labels", True, "started")])


def test_a_failed_retraining_is_tried_again_later_and_ever_more_rarely(labeled, now):
    rule(labeled, now, every_labels=10)
    moments = []
    for step in range(60):
        at = now + step * timedelta(minutes=5)
        before = Run.objects.count()
        retraining.consider(at)
        moments += [step * 5] * (Run.objects.count() - before)
        end(Run.State.FAILED, at)
    assert moments == [0, 15, 45, 105, 225]
    assert said()[:3] == [
        ("labels", True, "started"), ("labels", False, "back-off"), ("labels", True, "started"),
    ]  # fmt: skip


def test_a_cancelled_retraining_waits_for_the_next_trigger(labeled, now):
    rule(labeled, now, every_labels=10)
    retraining.consider(now)
    end(Run.State.CANCELLED, now)
    retraining.consider(now + 40 * timedelta(days=1))
    assert Run.objects.count() == 1
    label(labeled, cat=10)
    retraining.consider(now + 41 * timedelta(days=1))
    assert Run.objects.count() == 2


def test_a_training_by_hand_that_was_cancelled_answers_nothing(labeled, now):
    work.start_training(labeled, "plain", seed=1)
    end(Run.State.CANCELLED, now)
    rule(labeled, now, every_labels=10)
    retraining.consider(now)
    assert said() == [("labels", True, "started")]


def test_a_recipe_of_another_version_holds_back_and_breaks_nothing(labeled, now):
    rule(labeled, now, every_labels=10)
    RetrainRule.objects.update(own_recipe={"network": "of tomorrow"})
    Run.objects.create(dataset=labeled, name="old", recipe={"gone": 1}, seed=1, state="done", created_at=now)
    retraining.consider(now)
    assert said() == [("labels", False, "recipe")]
    with pytest.raises(retraining.CannotRetrain, match="recipe cannot be used: network must be one of"):
        retraining.retrain_now(labeled, by="ada", now=now)


@pytest.mark.django_db(transaction=True)
def test_two_ticks_at_once_start_one_training(state, now):
    dataset = Dataset.objects.create(name="Pets", classes=["cat", "dog"], created_at=now)
    label(dataset, "test", cat=3, dog=3)
    label(dataset, cat=12, dog=8)
    rule(dataset, timezone.now(), every_labels=10)
    place = {"SEEDBED_STATE": str(state)}
    with command("tick", "--once", **place) as one, command("tick", "--once", **place) as other:
        assert (one.wait(60), other.wait(60)) == (0, 0)
    assert (Run.objects.count(), Job.objects.filter(work="trainer.jobs.train").count()) == (1, 1)
    assert said() == [("labels", True, "started")]


# --- what must happen


def test_enough_labels_start_the_rule_s_recipe_once_for_each_seed(labeled, now):
    own = NAMED["plain"].to_json() | {"width": 4}
    rule(labeled, now, every_labels=20, seeds=3, own_recipe=own)
    retraining.consider(now)
    made = list(Run.objects.all())
    assert {Recipe.from_json(run.recipe).width for run in made} == {4}
    assert (len(made), len({run.seed for run in made})) == (3, 3)
    kept = RetrainDecision.objects.get()
    assert set(kept.runs.all()) == set(made)
    assert kept.reason == "There are 20 new labels and no training of this recipe (asked for: every 20)."
    assert kept.facts == {
        "labels": 20, "labels_at_last_run": None, "last_run": None, "counts": {"cat": 12, "dog": 8},
        "floor": None, "spent_s": 0, "spent_trainings": 0, "estimate_s": None,
    }  # fmt: skip


def test_labels_are_counted_since_the_last_training_of_the_recipe(labeled, now):
    work.start_training(labeled, "plain", seed=1)
    end(at=now, n_train=20)
    work.start_training(labeled, "augmented", seed=1)
    end(at=now, n_train=1)
    rule(labeled, now, every_labels=5)
    label(labeled, cat=4)
    retraining.consider(now)
    assert not RetrainDecision.objects.exists()
    label(labeled, dog=1)
    retraining.consider(now + HOUR)
    assert RetrainDecision.objects.get().reason.startswith("There are 5 new labels since run ")


def test_the_floor_holds_back_and_starts_when_the_last_class_reaches_it(labeled, now):
    rule(labeled, now, every_labels=10, floor=12)
    retraining.consider(now)
    label(labeled, dog=4)
    retraining.consider(now + HOUR)
    end(at=now + HOUR, n_train=24)
    retraining.consider(now + 2 * HOUR)
    assert said() == [("labels", False, "floor"), ("floor", True, "started")]


def test_a_floor_that_every_class_had_reached_is_no_news(labeled, now):
    rule(labeled, now, floor=8)
    retraining.consider(now)
    assert said() == []


def test_a_reached_floor_is_remembered_while_something_holds_back(labeled, now):
    rule(labeled, now, floor=9)
    retraining.consider(now)
    label(labeled, dog=1)
    work.start_training(labeled, "augmented", seed=1)
    retraining.consider(now + HOUR)
    end(at=now, n_train=1)
    retraining.consider(now + 2 * HOUR)
    assert said() == [("floor", False, "open"), ("floor", True, "started")]


def test_a_missed_schedule_is_caught_up_once(labeled, now):
    rule(labeled, now, schedule="daily", at=time(3))
    retraining.consider(now + HOUR)
    assert said() == []
    for look in range(3):
        retraining.consider(now + timedelta(days=9, minutes=look))
        Run.objects.update(created_at=now + timedelta(days=9))
        end(at=now + timedelta(days=9), n_train=20)
    assert said() == [("schedule", True, "started")]


def test_saving_a_rule_again_does_not_put_its_schedule_off(labeled, now):
    made = rule(labeled, now, schedule="hours", every_hours=10)
    made.seeds = 2
    retraining.save_rule(made, by="bob", now=now + HOUR)
    assert RetrainRule.objects.get().since == now
    made.every_hours = 11
    retraining.save_rule(made, by="bob", now=now + HOUR)
    assert (RetrainRule.objects.get().since, RetrainRule.objects.get().changed_by) == (now + HOUR, "bob")


def test_the_budget_is_kept_and_said_until_when(labeled, now):
    rule(labeled, now, every_labels=10, max_seconds=100)
    retraining.consider(now)
    end(at=now, n_train=20, receipt={"device": "cpu", "cpu_s": 60.0})
    label(labeled, cat=10)
    retraining.consider(now + HOUR)
    started, held = RetrainDecision.objects.order_by("pk")
    assert (held.why, held.facts["spent_s"], held.facts["spent_trainings"]) == ("budget", 60.0, 1)
    assert held.facts["estimate_s"] == pytest.approx(60.0)  # both at the fewest steps
    assert held.reason.endswith("used up until 24 Nov 2026, 12:00 (UTC).")
    retraining.consider(started.at + timedelta(days=1))
    assert said()[-1] == ("labels", True, "started")


def test_a_training_without_a_receipt_costs_the_time_that_it_took(labeled, now):
    made = rule(labeled, now, every_labels=10)
    retraining.consider(now)
    Run.objects.update(started_at=now)
    assert gather(made, now + HOUR).spent[0].seconds == 3600
    end(Run.State.FAILED, now + HOUR / 2)
    assert gather(made, now + HOUR).spent[0].seconds == 1800


def test_the_estimate_grows_with_the_steps(labeled, now):
    work.start_training(labeled, "plain", seed=1)
    end(at=now, n_train=1000, receipt={"cpu_s": 30.0})
    label(labeled, cat=3980)
    assert gather(rule_of(labeled), now).estimate == pytest.approx(60, rel=0.01)


def test_a_person_retrains_whatever_the_clock_would_say(labeled, now):
    rule(labeled, now, floor=100, max_trainings=1)
    made = retraining.retrain_now(labeled, by="ada", now=now)
    assert (made.decision.reason, made.decision.by, len(made.jobs)) == ("ada asked for it.", "ada", 1)
    assert made.jobs[0].requested_by == "ada"
    with pytest.raises(retraining.CannotRetrain, match=r"run \d+ of this dataset is not over"):
        retraining.retrain_now(labeled, by="ada", now=now)
    end(at=now, n_train=20)
    assert gather(rule_of(labeled), now).spent == ()


def test_the_same_key_answers_with_the_same_retraining(labeled, now):
    first = retraining.retrain_now(labeled, by="ada", now=now, key="k")
    assert retraining.retrain_now(labeled, by="ada", now=now, key="k") == first
    end(at=now, n_train=20)
    assert retraining.retrain_now(labeled, by="ada", now=now, key="k").decision == first.decision
    assert retraining.retrain_now(labeled, by="ada", now=now, key="other").decision != first.decision


@pytest.mark.parametrize(
    ("counts", "words"), [({"cat": 9}, "labels of at least two classes"), ({}, "at least two classes")]
)
def test_too_few_labels_are_a_sentence(counts, words, dataset, now):
    label(dataset, "test", cat=1, dog=1)
    label(dataset, **counts)
    with pytest.raises(retraining.CannotRetrain, match=words):
        retraining.retrain_now(dataset, by="ada", now=now)
