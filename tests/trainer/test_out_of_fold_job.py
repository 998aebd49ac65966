"""The out-of-fold job on real pictures: toy shapes, a very small network."""

import dataclasses
import shutil

import numpy as np
import pytest

from labeling.models import Dataset, PredictionSet, Sample
from labeling.progress import Cancelled, silent
from labeling.services import pictures
from tests import toys
from trainer import jobs as training
from trainer.engine import metrics
from trainer.engine.folds import NoFolds
from trainer.engine.pretraining import Plan
from trainer.engine.recipe import Recipe
from trainer.features import jobs as features
from trainer.folds import jobs
from trainer.models import Run
from trainer.services import cross_validation, pretraining, runs

pytestmark = pytest.mark.django_db
RECIPE = Recipe(resolution=16, width=4, batch=16, min_steps=40, steps_per_root=1.0, precision="fp32")


@pytest.fixture
def run(state, tmp_path, now):
    """A finished run on 3 x 16 labeled shapes: four folds."""
    toys.shape_folder(tmp_path / "shapes", dict.fromkeys(toys.SHAPES, 20), np.random.default_rng(0))
    dataset = Dataset.objects.create(name="shapes", created_at=now)
    pictures.import_images(dataset, tmp_path / "shapes", now=now)
    made = runs.open_run(dataset, RECIPE, 3, "shapes", now)
    training.train(silent, run_id=made.pk)
    made.refresh_from_db()
    return made


def stop_after(folds):
    def report(progress):
        if progress.stage == "scored" and progress.done == folds:
            raise Cancelled

    return report


# --- what must not happen


def test_a_run_that_is_gone_or_not_done_is_left_alone(run):
    assert jobs.out_of_fold(silent, run_id=0) is None
    Run.objects.filter(pk=run.pk).update(state=Run.State.RUNNING)
    assert jobs.out_of_fold(silent, run_id=run.pk) is None


def test_changed_labels_are_not_scored_by_an_old_run(run):
    Sample.objects.filter(pk=run.dataset.samples.pool().first().pk).update(label="")
    with pytest.raises(NoFolds, match="The labels have changed since"):
        jobs.out_of_fold(silent, run_id=run.pk)
    assert not PredictionSet.objects.filter(source__endswith="oof").exists()


def test_labels_given_after_the_start_move_nothing(run):
    before = cross_validation.open_folds(run)
    run.dataset.samples.pool().update(label="")
    assert np.array_equal(cross_validation.open_folds(run).fold, before.fold)


# --- what comes of it


def test_a_stopped_job_goes_on_where_it_was_and_ends_as_an_unbroken_one(run, state):
    with pytest.raises(Cancelled):
        jobs.out_of_fold(stop_after(2), run_id=run.pk)
    folder = state / "runs" / str(run.pk) / "folds"
    assert sorted(path.name for path in folder.glob("[0-9]*")) == ["0.npz", "1.npz"]
    assert not PredictionSet.objects.filter(source__endswith="oof").exists()
    assert jobs.out_of_fold(silent, run_id=run.pk)
    run.refresh_from_db()
    resumed = run.out_of_fold
    assert resumed["receipt"]["trained"] == 2
    PredictionSet.objects.filter(source__endswith="oof").delete()
    Run.objects.filter(pk=run.pk).update(out_of_fold={})
    shutil.rmtree(folder)
    assert jobs.out_of_fold(silent, run_id=run.pk)
    run.refresh_from_db()
    assert {**run.out_of_fold, "receipt": None} == {**resumed, "receipt": None}
    assert run.out_of_fold["receipt"]["trained"] == 4


def test_every_labeled_training_picture_is_judged_once_and_the_figures_stand_on_the_run(run, state):
    told = jobs.out_of_fold(silent, run_id=run.pk)
    row = PredictionSet.objects.get(source=f"run:{run.pk}:oof")
    assert row.count == run.n_train == told["n"]
    with np.load(state / row.path) as kept:
        ids, probs = kept["sample_ids"], kept["probs"]
    judged = Sample.objects.in_bulk(ids.tolist())
    assert {sample.split for sample in judged.values()} == {"train"}
    right = [
        run.dataset.classes[p.argmax()] == judged[i].label for i, p in zip(ids.tolist(), probs, strict=True)
    ]
    run.refresh_from_db()
    assert run.out_of_fold["accuracy"]["value"] == pytest.approx(np.mean(right))
    assert told["accuracy"] == run.out_of_fold["accuracy"]
    assert np.mean(right) > 0.4  # three shapes: guessing gives a third
    assert not run.dataset.samples.pool().labeled().filter(predicted="").exists()
    found = run.out_of_fold
    assert (found["folds"], found["n"]) == (4, run.n_train)
    assert found["note"].startswith("4 folds instead of 5: the class ")
    assert all(found[name].keys() == {"value", "low", "high"} for name in metrics.SCORES + metrics.LOSSES)
    assert 0.05 <= found["temperature"] <= 20
    assert found["tau"] in (0.0, 0.5, 1.0, 1.5)
    assert found["test"]["scaled"].keys() == set(metrics.LOSSES)
    assert found["test"]["adjusted"].keys() == set(metrics.SCORES)
    assert found["test"]["gains"].keys() == set(metrics.SCORES)
    assert jobs.out_of_fold(silent, run_id=run.pk) is None


def test_folds_start_from_the_features_that_the_run_started_from(run, now):
    plan = Plan(network="cnn", width=4, resolution=16, epochs=1, batch=16, precision="fp32")
    row = pretraining.open_pretraining(run.dataset, plan, 1, now)
    features.pretrain(silent, pretraining_id=row.pk)
    begun = dataclasses.replace(RECIPE, weights="self-supervised", tuning="probe")
    made = runs.open_run(run.dataset, begun, 3, "shapes", now)
    training.train(silent, run_id=made.pk)
    assert jobs.out_of_fold(silent, run_id=made.pk)["n"] == 48
