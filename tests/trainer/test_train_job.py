"""The training job on real pictures: toy shapes, a small network."""

import dataclasses
import json

import numpy as np
import pytest

from labeling.decoding import UnreadablePicture
from labeling.models import Dataset, PredictionSet, Sample
from labeling.progress import Cancelled, silent
from labeling.services import pictures
from tests import toys
from trainer import jobs
from trainer.engine import artifacts, inference, pixels
from trainer.engine.course import Diverged
from trainer.engine.device import Device
from trainer.engine.recipe import Recipe
from trainer.models import Run
from trainer.services import comparisons, runs
from trainer.services.runs import NotTrainable

pytestmark = pytest.mark.django_db

RECIPE = Recipe(resolution=16, width=8, min_steps=120, steps_per_root=1.0, precision="fp32")
WATCHED = dataclasses.replace(RECIPE, validation=0.3, patience=1.0, schedule="restarts", restarts=1)
AUGMENTED = dataclasses.replace(RECIPE, policy="gentle", copies=2, rebalance=1.0)


@pytest.fixture
def dataset(state, tmp_path, now):
    """Shapes, imbalanced; 20 pictures of the pool wait for a label."""
    counts = {"circle": 60, "square": 50, "triangle": 40}
    toys.shape_folder(tmp_path / "shapes", counts, np.random.default_rng(0))
    made = Dataset.objects.create(name="shapes", created_at=now)
    pictures.import_images(made, tmp_path / "shapes", now=now)
    waiting = made.samples.pool().order_by("key").values_list("pk", flat=True)[:20]
    Sample.objects.filter(pk__in=list(waiting)).update(label="")
    made.refresh_from_db()
    return made


def open_run(dataset, now, recipe=RECIPE, seed=3):
    return runs.open_run(dataset, recipe, seed, "shapes", now)


def trained(dataset, now, **more):
    run = open_run(dataset, now, **more)
    jobs.train(silent, run_id=run.pk)
    run.refresh_from_db()
    return run


def stop_after(step):
    """A report that stops the training there, as a cancelled job's does."""

    def tell(progress):
        if progress.stage == "training" and progress.done >= step:
            raise Cancelled

    return tell


# --- what must not happen


def test_a_run_that_is_gone_or_done_is_left_alone(dataset, now):
    assert jobs.train(silent, run_id=0) is None
    run = trained(dataset, now)
    finished_at = run.finished_at
    assert jobs.train(silent, run_id=run.pk) is None
    run.refresh_from_db()
    assert (run.attempt, run.finished_at) == (1, finished_at)
    assert PredictionSet.objects.count() == 1


def test_too_few_labels_end_as_a_sentence_on_the_run(dataset, now):
    dataset.samples.pool().exclude(label="circle").update(label="")
    run = open_run(dataset, now)
    with pytest.raises(NotTrainable):
        jobs.train(silent, run_id=run.pk)
    run.refresh_from_db()
    assert run.state == Run.State.FAILED
    assert run.error.startswith("Training needs labels of at least two classes; the training pool has")
    assert run.finished_at


def test_divergence_ends_as_a_sentence_on_the_run(dataset, now):
    run = open_run(dataset, now, recipe=dataclasses.replace(RECIPE, learning_rate=100.0))
    with pytest.raises(Diverged):
        jobs.train(silent, run_id=run.pk)
    run.refresh_from_db()
    assert run.state == Run.State.FAILED
    assert run.error.startswith("The training diverged: the loss was")
    assert not PredictionSet.objects.exists()


def test_a_lost_picture_says_which(dataset, now, state):
    lost = state / "media" / dataset.samples.first().file
    lost.unlink()
    run = open_run(dataset, now)
    with pytest.raises(UnreadablePicture):
        jobs.train(silent, run_id=run.pk)
    run.refresh_from_db()
    assert run.error == f"The stored picture {lost} is gone."


@pytest.mark.parametrize("stage", ["freezing the data", "decoding", "training", "predicting"])
def test_it_stops_at_every_stage_and_another_attempt_finishes(dataset, now, stage):
    def stop(progress):
        if progress.stage == stage:
            raise Cancelled

    run = open_run(dataset, now)
    with pytest.raises(Cancelled):
        jobs.train(stop, run_id=run.pk)
    run.refresh_from_db()
    assert run.state == Run.State.RUNNING  # its job knows whether it was cancelled or waits to go on
    assert jobs.train(silent, run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.attempt) == (Run.State.DONE, 2)


def test_test_rows_are_never_trained_on(dataset, now):
    """Wrong labels on every test picture leave the model as it is."""
    first = trained(dataset, now)
    dataset.samples.testing().update(label="circle")
    second = trained(dataset, now)
    assert second.history == first.history
    assert second.metrics["accuracy"] != first.metrics["accuracy"]


# --- what comes of it


@pytest.mark.parametrize("recipe", [RECIPE, AUGMENTED], ids=["plain", "augmented"])
def test_a_whole_training(dataset, now, state, recipe):
    run = trained(dataset, now, recipe=recipe)
    assert (run.state, run.error, run.n_test) == (Run.State.DONE, "", dataset.samples.testing().count())
    assert run.n_train == dataset.samples.pool().labeled().count()
    assert run.metrics["accuracy"]["value"] > 0.6  # three shapes: guessing gives a third
    assert run.history[-1]["step"] == recipe.steps(run.n_train) == run.receipt["steps"]
    assert {"device", "code", "duration_s", "cpu_s", "peak_mib", "torch", "command"} <= run.receipt.keys()
    assert ("albumentations" in run.receipt) is recipe.changes_data
    assert (run.plan is not None) is recipe.changes_data
    assert Recipe.from_json(json.loads((state / run.folder / "recipe.json").read_text())) == recipe


def test_predictions_for_test_and_waiting_samples_are_handed_down(dataset, now):
    run = trained(dataset, now)
    handed = PredictionSet.objects.get(source=f"run:{run.pk}")
    waiting = dataset.samples.pool().unlabeled()
    assert handed.count == waiting.count() + run.n_test
    assert not waiting.filter(predicted="").exists()
    assert not dataset.samples.pool().labeled().exclude(predicted="").exists()
    assert {s.predicted for s in waiting} <= set(dataset.classes)


def test_the_saved_model_repeats_the_measured_accuracy(dataset, now, state):
    run = trained(dataset, now)
    model, recipe, classes = artifacts.load_model(state / run.folder / "model.safetensors")
    tests = list(dataset.samples.testing())
    files = [state / "media" / sample.file for sample in tests]
    decoded = pixels.load(files, [s.key for s in tests], recipe.resolution, state / "cache" / "pixels")
    calls = inference.predict(model, decoded, Device("cpu", "fp32")).argmax(1)
    right = [classes[call] == sample.label for call, sample in zip(calls, tests, strict=True)]
    assert np.mean(right) == pytest.approx(run.metrics["accuracy"]["value"])


@pytest.mark.parametrize("recipe", [RECIPE, AUGMENTED], ids=["plain", "augmented"])
def test_the_same_receipt_gives_the_same_figures(dataset, now, recipe):
    first, second = trained(dataset, now, recipe=recipe), trained(dataset, now, recipe=recipe)
    assert first.metrics == second.metrics
    assert first.history == second.history
    assert {row.gain for row in comparisons.compare(first, second, 0, now)} == {0.0}


def test_a_training_that_died_goes_on_from_its_checkpoint(dataset, now, state):
    """The first attempt leaves a checkpoint as a killed one does; what it had learned is not lost."""
    whole = trained(dataset, now, recipe=WATCHED)
    run = open_run(dataset, now, recipe=WATCHED)
    with pytest.raises(Cancelled):
        jobs.train(stop_after(60), run_id=run.pk)
    assert runs.checkpoint_file(run).exists()
    told = []
    jobs.train(told.append, run_id=run.pk)
    run.refresh_from_db()
    steps = [p.done for p in told if p.stage == "training"]
    assert steps[0] > 60
    assert run.history == whole.history
    assert run.metrics == whole.metrics
    assert run.attempt == 2
    assert not runs.checkpoint_file(run).exists()


def test_what_early_stopping_and_snapshots_found_stands_on_the_run(dataset, now, state):
    run = trained(dataset, now, recipe=WATCHED)
    assert run.extras["validation"]["n"] == pytest.approx(0.3 * run.n_train, abs=3)  # rounded by class
    assert run.extras["validation"]["step"] <= run.receipt["steps"]
    assert "Early stopping looked at" in run.extras["warnings"][0]
    assert run.extras["snapshot_ensemble"]["members"] == 2
    assert run.extras["snapshot_ensemble"]["metrics"]["n"] == run.n_test
    kept = sorted(file.name for file in (state / run.folder).glob("snapshot-*"))
    assert kept == ["snapshot-1.safetensors", "snapshot-2.safetensors"]
    assert artifacts.load_model(state / run.folder / kept[0])[1] == WATCHED


def test_a_class_with_one_picture_is_trained_on_and_said_to_be_rare(dataset, now):
    rare = dataset.samples.pool().filter(label="triangle").order_by("pk")
    rare.exclude(pk=rare.first().pk).update(label="")
    run = trained(dataset, now, recipe=dataclasses.replace(WATCHED, rebalance=1.0))
    assert run.state == Run.State.DONE
    assert [row["have"] for row in run.plan if row["class"] == "triangle"] == [1]
    assert run.metrics["classes"][dataset.classes.index("triangle")]["n"] > 0


def test_without_a_test_item_the_run_says_so(dataset, now):
    dataset.samples.testing().update(label="")
    run = open_run(dataset, now)
    with pytest.raises(NotTrainable):
        jobs.train(silent, run_id=run.pk)
    run.refresh_from_db()
    assert run.error.startswith("No test picture has a label yet, so nothing could be measured.")
