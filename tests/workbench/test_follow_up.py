"""A finished training is compared and leads to advice, once."""

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from labeling.models import Dataset
from trainer.engine.predictions import TestPredictions
from trainer.engine.recipe import NAMED
from trainer.models import Comparison, Curve, Run
from trainer.services import runs
from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job
from workbench.services import follow_up

pytestmark = pytest.mark.django_db
LABELS = np.arange(40) % 2


@pytest.fixture
def dataset(state, now):
    return Dataset.objects.create(name="Coins", classes=["head", "tail"], created_at=now)


def trained(dataset, recipe, root, now, *, data="a", **fields):
    """A run that is done, with its predictions on disk."""
    run = runs.open_run(dataset, NAMED[recipe], 1, recipe, now)
    probs = np.random.default_rng(run.pk).dirichlet([1, 1], len(LABELS)).astype(np.float32)
    keys = np.array([f"{data}{number}" for number in range(len(LABELS))])
    tested = TestPredictions(keys, LABELS, probs, np.array(dataset.classes))
    folder = root / "runs" / str(run.pk)
    folder.mkdir(parents=True)
    tested.save(folder / runs.PREDICTIONS)
    done = {"state": Run.State.DONE, "finished_at": now, "folder": f"runs/{run.pk}", "fingerprint": data}
    Run.objects.filter(pk=run.pk).update(**{**done, "test_fingerprint": tested.fingerprint, **fields})
    return run


def asked():
    return Job.objects.filter(work=follow_up.ADVICE).count()


def test_without_news_nothing_is_asked(dataset, now):
    follow_up.follow_up(now)
    assert asked() == 0


def test_a_failed_training_is_no_news(dataset, state, now):
    trained(dataset, "plain", state, now, state=Run.State.FAILED)
    follow_up.follow_up(now)
    assert asked() == 0


@pytest.mark.parametrize("changed", [{"fingerprint": "other labels"}, {"test_fingerprint": "other items"}])
def test_runs_on_other_data_are_not_compared(changed, dataset, state, now):
    trained(dataset, "plain", state, now)
    trained(dataset, "augmented", state, now, **changed)
    assert follow_up.compare_with_plain(dataset, now) == []


def test_two_plain_runs_are_not_compared(dataset, state, now):
    trained(dataset, "plain", state, now)
    trained(dataset, "plain", state, now)
    assert follow_up.compare_with_plain(dataset, now) == []


def test_an_augmented_run_is_compared_with_the_last_plain_one_once(dataset, state, now):
    trained(dataset, "plain", state, now)
    last = trained(dataset, "plain", state, now)
    other = trained(dataset, "augmented", state, now)
    made = follow_up.compare_with_plain(dataset, now)
    assert {(row.base_id, row.other_id, row.metric) for row in made} == {
        (last.pk, other.pk, metric) for metric in ("accuracy", "balanced_accuracy", "macro_f1")
    }
    assert follow_up.compare_with_plain(dataset, now) == []
    assert Comparison.objects.count() == 3


def test_advice_is_asked_for_once_until_the_next_news(dataset, state, now):
    trained(dataset, "plain", state, now)
    for _ in range(3):
        follow_up.follow_up(now)
    assert asked() == 1
    Job.objects.update(state=Job.State.DONE)
    Curve.objects.create(
        dataset=dataset, recipe={}, sizes=[], repeats=[], n_test=1, seed=1, created_at=now,
        finished_at=Job.objects.get().created_at + timedelta(seconds=1),
    )  # fmt: skip
    follow_up.follow_up(timezone.now())
    assert asked() == 1
    follow_up.follow_up(timezone.now() + follow_up.PAUSE)
    assert asked() == 2


def ended(work, dataset, at, state=Job.State.DONE, **result):
    job = submit(work, "Some labels", dataset_id=dataset.pk)
    Job.objects.filter(pk=job.pk).update(state=state, finished_at=at, result=result or None)


NOTHING = {"created": 0, "updated": 0, "deleted": 0, "removed_tasks": 0}


@pytest.mark.parametrize(
    ("work", "state", "result"),
    [
        (follow_up.SYNC, Job.State.DONE, NOTHING),
        (follow_up.SYNC, Job.State.FAILED, {}),
        (follow_up.IMPORT, Job.State.CANCELLED, {}),
        (follow_up.IMPORT, Job.State.QUEUED, {}),
        ("labeling.jobs.push", Job.State.DONE, {"tasks": 5}),
    ],
)
def test_jobs_that_changed_no_label_are_no_news(work, state, result, dataset, now):
    ended(work, dataset, now, state, **result)
    follow_up.follow_up(now)
    assert asked() == 0


LABELS_CAME = [
    (follow_up.IMPORT, {"taken": 5}),
    *((follow_up.SYNC, {**NOTHING, name: 3}) for name in NOTHING),
]


@pytest.mark.parametrize(("work", "result"), LABELS_CAME)
def test_old_news_is_none(work, result, dataset, state, now):
    trained(dataset, "plain", state, now)
    ended(work, dataset, now, **result)
    follow_up.follow_up(now + follow_up.RECENT)
    assert asked() == 0


@pytest.mark.parametrize(("work", "result"), LABELS_CAME)
def test_new_labels_lead_to_advice_for_their_dataset_once(work, result, dataset, now):
    Dataset.objects.create(name="Other coins", created_at=now)
    ended(work, dataset, timezone.now(), **result)
    for _ in range(2):
        follow_up.follow_up(timezone.now())
        Job.objects.update(state=Job.State.DONE)
    follow_up.follow_up(timezone.now() + follow_up.PAUSE)
    assert [job.params["dataset_id"] for job in Job.objects.filter(work=follow_up.ADVICE)] == [dataset.pk]


def test_the_look_for_news_costs_the_same_with_many_jobs(dataset, now, django_assert_num_queries):
    for _ in range(3):
        ended(follow_up.ADVICE, dataset, now)
    with django_assert_num_queries(3):
        follow_up.follow_up(now)
