"""What puts jobs into the ledger: one job for one wish."""

import pytest

from labeling.models import Dataset
from trainer.engine.recipe import NAMED
from trainer.models import Run
from workbench.services import work


@pytest.fixture
def dataset(db, state, now):
    return Dataset.objects.create(name="Pets", classes=["cat", "dog"], created_at=now)


def test_the_same_training_asked_for_twice_is_one_run(dataset):
    first = work.start_training(dataset, "plain", seed=1, dedupe_key="once")
    again = work.start_training(dataset, "plain", seed=2, dedupe_key="once")
    assert again == first
    assert [(run.seed, run.job) for run in Run.objects.all()] == [(1, str(first.pk))]


def test_a_seed_that_nobody_gave_is_recorded(dataset):
    job = work.start_training(dataset, NAMED["plain"])
    assert Run.objects.get(pk=job.params["run_id"]).seed >= 0
