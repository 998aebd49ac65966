"""A finished training is compared and leads to advice, once."""

from datetime import timedelta

import numpy as np
import pytest

from labeling.models import Dataset
from trainer.engine.predictions import TestPredictions
from trainer.engine.recipe import NAMED
from trainer.models import Comparison, Curve, Run
from trainer.services import runs
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
    follow_up.follow_up(now)
    assert asked() == 2
