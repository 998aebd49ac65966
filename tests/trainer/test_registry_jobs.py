"""The registry's jobs on real pictures and trained weights; and trainings that end badly make no version."""

import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from django.db import connection, transaction

from labeling.models import Dataset, PredictionSet, Sample
from labeling.progress import Cancelled, silent
from labeling.services import pictures
from tests import toys
from tests.workbench.processes import wait_for
from trainer import jobs as training
from trainer.engine import artifacts, disk, inference, model_files, pixels
from trainer.engine.device import Device
from trainer.engine.model_files import BrokenModel
from trainer.engine.recipe import Recipe
from trainer.models import ModelVersion, Promotion, Run
from trainer.registry import jobs
from trainer.services import registry, runs

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
RECIPE = Recipe(resolution=16, width=8, min_steps=60, steps_per_root=1.0, precision="fp32")
LARGE = replace(RECIPE, network="resnet9", width=24, min_steps=2, steps_per_root=0.0)  # 3.6 MB of weights
ROOM = 2_000_000  # bytes a file: less than those weights, more than all else


def make_dataset(folder, now):
    """Shapes; 12 pictures of the pool wait for a label."""
    toys.shape_folder(folder, dict.fromkeys(toys.SHAPES, 40), np.random.default_rng(0))
    made = Dataset.objects.create(name="shapes", created_at=now)
    pictures.import_images(made, folder, test_share=0.4, now=now)
    waiting = made.samples.pool().order_by("key").values_list("pk", flat=True)[:12]
    Sample.objects.filter(pk__in=list(waiting)).update(label="")
    made.refresh_from_db()
    return made


@pytest.fixture
def dataset(state, tmp_path, now):
    return make_dataset(tmp_path / "shapes", now)


def trained(dataset, now, recipe=RECIPE, seed=3):
    run = runs.open_run(dataset, recipe, seed, "shapes", now)
    training.train(silent, run_id=run.pk)
    return ModelVersion.objects.get(run=run)


def judged(version):
    told = jobs.judge(silent, version_id=version.pk)
    version.refresh_from_db()
    return told


# --- what must not happen


@pytest.fixture
def little_room():
    """No file of this process may grow beyond ROOM, once it is switched on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def switch(progress):
        if progress.stage == "predicting":
            resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, hard))

    yield switch
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_a_sentence_on_the_run_and_no_version(dataset, now, state, little_room):
    run = runs.open_run(dataset, LARGE, 3, "shapes", now)
    with pytest.raises(disk.NoRoom):
        training.train(little_room, run_id=run.pk)
    run.refresh_from_db()
    assert run.state == Run.State.FAILED
    assert run.error.startswith("The disk is full: model.safetensors (")
    assert not ModelVersion.objects.exists()
    assert not PredictionSet.objects.exists()
    left = {file.name for file in (state / runs.folder(run)).iterdir()}
    assert left == {"recipe.json", "history.jsonl", "predictions.npz"}


def test_a_cancelled_training_is_no_version(dataset, now):
    def stop(progress):
        if progress.stage == "predicting":
            raise Cancelled

    run = runs.open_run(dataset, RECIPE, 3, "shapes", now)
    with pytest.raises(Cancelled):
        training.train(stop, run_id=run.pk)
    assert not ModelVersion.objects.exists()


KILLED = """
import os, sys
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.child_settings"
django.setup()
from pathlib import Path
from django.conf import settings
settings.STATE_DIR, settings.MEDIA_ROOT = Path(sys.argv[2]), Path(sys.argv[2], "media")
from trainer import jobs

def report(progress):
    global asked
    if progress.stage == "predicting" and not asked:
        asked = True
        print("trained", flush=True)
        sys.stdin.readline()

asked = False
jobs.train(report, run_id=int(sys.argv[1]))
"""


@pytest.mark.django_db(transaction=True)
def test_killed_between_the_files_and_the_row_it_is_no_version_and_the_next_attempt_is(state, tmp_path, now):
    dataset = make_dataset(tmp_path / "shapes", now)
    run = runs.open_run(dataset, RECIPE, 3, "shapes", now)
    argv = [sys.executable, "-c", KILLED, str(run.pk), str(state)]
    env = {
        **os.environ,
        "SEEDBED_TEST_DATABASE": str(connection.settings_dict["NAME"]),
        "PYTHONPATH": str(ROOT),
    }
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, cwd=ROOT, env=env, stdin=pipe, stdout=pipe, text=True) as child:
        assert child.stdout.readline() == "trained\n"
        with transaction.atomic():  # the child writes its files and waits for the row
            Run.objects.select_for_update().filter(pk=run.pk).update(name="held")
            child.stdin.write("go on\n")
            child.stdin.flush()
            weights = state / "runs" / str(run.pk) / "1" / model_files.WEIGHTS
            wait_for(weights.is_file)
            child.kill()
            child.wait(30)
    run.refresh_from_db()
    assert run.state == Run.State.RUNNING
    assert not ModelVersion.objects.exists()
    assert training.train(silent, run_id=run.pk)
    version = ModelVersion.objects.get()
    assert registry.weights_file(version).parent.name == "2"


def test_damaged_weights_of_the_current_version_stop_the_comparison_with_a_sentence(dataset, now):
    first = trained(dataset, now)
    registry.promote(first, "ada", "", now)
    registry.weights_file(first).write_bytes(b"")
    relabel_one(dataset)
    told = judged(second := trained(dataset, now, seed=4))
    assert told["promoted"] is False
    assert "model.safetensors was altered" in second.verdict["reason"]
    assert registry.current(dataset) == first


def test_a_version_that_is_gone_current_or_retired_is_not_judged(dataset, now):
    version = trained(dataset, now)
    registry.promote(version, "ada", "", now)
    assert jobs.judge(silent, version_id=version.pk) is None
    assert jobs.judge(silent, version_id=0) is None
    assert jobs.export(silent, version_id=0) is None


def test_only_the_current_version_scores_the_pool(dataset, now):
    version = trained(dataset, now)
    assert jobs.score_pool(silent, version_id=version.pk) is None
    assert jobs.score_pool(silent, version_id=0) is None


@pytest.mark.parametrize("job", [jobs.export, jobs.score_pool])
def test_damaged_weights_are_neither_exported_nor_used(job, dataset, now):
    version = trained(dataset, now)
    registry.promote(version, "ada", "", now)
    path = registry.weights_file(version)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BrokenModel, match="is cut off"):
        job(silent, version_id=version.pk)
    assert not registry.export_to(version).exists()


def relabel_one(dataset):
    """Change the test set: one of its pictures bears another label from now on."""
    sample = dataset.samples.testing().filter(label="circle").first()
    Sample.objects.filter(pk=sample.pk).update(label="square")


# --- what comes of it


def test_the_first_version_is_promoted_when_it_beats_guessing(dataset, now):
    version = trained(dataset, now)
    told = judged(version)
    assert (told["promoted"], told["scored_again"]) == (True, [])
    assert version.state == ModelVersion.State.CURRENT
    assert (Promotion.objects.get().kind, Promotion.objects.get().by) == ("gate", "")


def test_a_verdict_may_be_asked_for_without_consequence(dataset, now):
    version = trained(dataset, now)
    told = jobs.judge(silent, version_id=version.pk, promote=False)
    version.refresh_from_db()
    assert (told["promoted"], version.verdict["promotes"]) == (False, True)
    assert registry.current(dataset) is None


def test_after_a_change_of_the_test_set_both_are_scored_on_it_before_they_are_compared(dataset, now):
    first, second = trained(dataset, now), trained(dataset, now, seed=4)
    registry.promote(first, "ada", "", now)
    measured = (registry.weights_file(first).parent / "predictions.npz").read_bytes()
    relabel_one(dataset)
    told = judged(second)
    assert told["scored_again"] == [1, 2]
    assert second.verdict["against"] == 1
    assert second.verdict["n"] == first.run.n_test
    assert (registry.weights_file(first).parent / "predictions.npz").read_bytes() == measured
    assert judged(second)["scored_again"] == []  # what was scored once is kept


def test_scoring_again_gives_what_the_training_measured(dataset, now):
    version = trained(dataset, now)
    snapshot = jobs.choice.freeze(dataset)
    own = registry.predictions_file(version.run, snapshot)
    before = artifacts.TestPredictions.load(own)
    own.unlink()
    jobs._rescore(version, snapshot, silent)
    again = artifacts.TestPredictions.load(own)
    assert again.fingerprint == before.fingerprint
    assert np.allclose(again.probs, before.probs, atol=1e-6)


def test_new_pictures_get_the_current_versions_opinion_without_a_training(dataset, now, state, tmp_path):
    version = trained(dataset, now)
    registry.promote(version, "ada", "", now)
    toys.shape_folder(tmp_path / "more", {"circle": 7}, np.random.default_rng(9))
    pictures.import_images(dataset, tmp_path / "more", now=now, keep_labels="test")
    fresh = dataset.samples.pool().unlabeled().filter(predicted="")
    assert fresh.count() == dataset.samples.pool().unlabeled().count() == 7
    told = jobs.score_pool(silent, version_id=version.pk)
    assert told == {"version": 1, "scored": 7 + dataset.samples.testing().count()}
    assert not fresh.exists()
    with np.load(state / PredictionSet.objects.first().path) as kept:
        ids, probs = kept["sample_ids"], kept["probs"]
    model, recipe, _ = artifacts.load_model(registry.weights_file(version))
    samples = [Sample.objects.get(pk=pk) for pk in ids.tolist()]
    files, keys = [state / "media" / s.file for s in samples], [s.key for s in samples]
    decoded = pixels.load(files, keys, recipe.resolution, tmp_path / "cache")
    assert np.allclose(probs, inference.predict(model, decoded, Device("cpu", "fp32")), atol=1e-5)


def test_an_export_is_recorded_and_a_damaged_one_is_made_again(dataset, now):
    version = trained(dataset, now)
    registry.promote(version, "ada", "", now)
    told = jobs.export(silent, version_id=version.pk)
    version.refresh_from_db()
    assert told == {"version": 1, **version.export}
    assert told["max_difference"] <= 1e-4
    path = registry.onnx_file(version)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BrokenModel, match=r"model\.onnx was altered"):
        registry.onnx_file(version)
    assert jobs.score_pool(silent, version_id=version.pk)
    assert model_files.digest(registry.onnx_file(version)) == told["sha256"]


def test_the_receipt_tells_what_the_training_was_made_by(dataset, now):
    receipt = trained(dataset, now).run.receipt
    assert {"device", "code", "torch", "simplejpeg", "command", "weights", "steps"} <= receipt.keys()
    assert receipt["gpu_s"] == 0
    assert receipt["peak_mib"] > 50
