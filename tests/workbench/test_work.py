"""What puts jobs into the ledger: one job for one wish."""

import pytest

from labeling.models import Dataset, PredictionSet
from trainer.engine.recipe import NAMED
from trainer.models import Run
from trainer.services import runs
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


def test_several_trainings_have_as_many_seeds(dataset):
    fresh = work.start_trainings(dataset, "plain", count=3)
    given = work.start_trainings(dataset, "augmented", count=2, seed=7)
    seeds = [Run.objects.get(pk=job.params["run_id"]).seed for job in [*fresh, *given]]
    assert len(set(seeds[:3])) == 3
    assert seeds[3:] == [7, 8]


def finish(run: Run, accuracy: float, fingerprint: str) -> PredictionSet:
    """Close the run as measured, with predictions handed down."""
    Run.objects.filter(pk=run.pk).update(
        state=Run.State.DONE, fingerprint=fingerprint, metrics={"accuracy": {"value": accuracy}}
    )
    return PredictionSet.objects.create(
        dataset=run.dataset, source=f"run:{run.pk}", path="", count=0, created_at=run.created_at
    )


def test_the_next_round_follows_the_best_model_on_the_newest_labels(dataset, now):
    made = [runs.open_run(dataset, NAMED["plain"], seed, "plain", now) for seed in range(3)]
    assert work.best_predictions(dataset) is None
    finish(made[0], 0.99, "labels of last month")
    best = finish(made[1], 0.9, "labels of today")
    finish(made[2], 0.8, "labels of today")
    assert work.best_predictions(dataset) == best


def test_another_import_meanwhile_is_refused_and_the_same_one_is_one_job(dataset, tmp_path):
    first = work.start_import(dataset, tmp_path / "a")
    assert work.start_import(dataset, tmp_path / "a") == first
    with pytest.raises(work.AlreadyImporting, match="is just importing"):
        work.start_import(dataset, tmp_path / "b")
