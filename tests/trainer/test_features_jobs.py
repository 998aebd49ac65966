"""Learning features and embedding on real pictures: toy shapes, a very small network."""

import dataclasses

import numpy as np
import pytest
import torch

from labeling.models import Dataset, EmbeddingSet
from labeling.progress import Cancelled, silent
from labeling.services import choice, embeddings, pictures
from tests import toys
from trainer.engine import artifacts
from trainer.engine.networks import build as networks
from trainer.engine.pretraining import Plan
from trainer.engine.recipe import Recipe
from trainer.features import jobs
from trainer.models import Pretraining, Run
from trainer.services import pretraining
from trainer.services.pretraining import NoFeatures

pytestmark = pytest.mark.django_db

PLAN = Plan(network="cnn", width=4, resolution=16, epochs=2, batch=16, projector=32, precision="fp32")
STARTING = Recipe(network="cnn", width=4, resolution=16, weights="self-supervised")


@pytest.fixture
def dataset(state, tmp_path, now):
    """Shapes; half of the pool waits for a label."""
    toys.shape_folder(tmp_path / "shapes", dict.fromkeys(toys.SHAPES, 16), np.random.default_rng(0))
    made = Dataset.objects.create(name="shapes", created_at=now)
    pictures.import_images(made, tmp_path / "shapes", now=now)
    waiting = made.samples.pool().order_by("key").values_list("pk", flat=True)[:20]
    made.samples.filter(pk__in=list(waiting)).update(label="")
    made.refresh_from_db()
    return made


def open_one(dataset, now, plan=PLAN, seed=3):
    return pretraining.open_pretraining(dataset, plan, seed, now)


def learned(dataset, now, **more):
    row = open_one(dataset, now, **more)
    jobs.pretrain(silent, pretraining_id=row.pk)
    row.refresh_from_db()
    return row


def seen(row):
    return set((pretraining.folder(row) / pretraining.PICTURES).read_text().split())


# --- what must not happen


def test_a_pretraining_that_is_gone_or_done_is_left_alone(dataset, now):
    assert jobs.pretrain(silent, pretraining_id=0) is None
    row = learned(dataset, now)
    assert jobs.pretrain(silent, pretraining_id=row.pk) is None
    row.refresh_from_db()
    assert row.attempt == 1


def test_test_pictures_are_never_learned_from(dataset, now):
    row = learned(dataset, now)
    assert seen(row) == set(dataset.samples.pool().values_list("key", flat=True))
    assert row.n == dataset.samples.pool().count() < dataset.samples.count()


def test_features_that_saw_a_picture_that_tests_now_start_no_training(dataset, now):
    learned(dataset, now)
    dataset.samples.filter(pk=dataset.samples.pool().first().pk).update(split="test")
    with pytest.raises(NoFeatures, match="saw pictures that test now"):
        pretraining.weights_for(dataset, STARTING, choice.freeze(dataset))


@pytest.mark.parametrize("change", [{"width": 5}, {"resolution": 20}, {"network": "resnet9"}])
def test_features_of_another_network_start_no_training(dataset, now, change):
    learned(dataset, now)
    recipe = dataclasses.replace(STARTING, **change)
    with pytest.raises(NoFeatures, match=r"No features were learned on shapes for .*Learn them first"):
        pretraining.weights_for(dataset, recipe, choice.freeze(dataset))


def test_too_few_pictures_end_as_a_sentence_on_the_row(dataset, now):
    dataset.samples.pool().update(split="test")
    row = open_one(dataset, now)
    with pytest.raises(NoFeatures):
        jobs.pretrain(silent, pretraining_id=row.pk)
    row.refresh_from_db()
    assert row.state == Pretraining.State.FAILED
    assert row.error == "Features need at least 16 pictures outside the test split; shapes has 0."


def test_a_source_that_the_dataset_lacks_is_a_sentence(dataset, now):
    row = open_one(dataset, now)
    for source in (f"pretraining:{row.pk}", "pretraining:x", "run:7"):
        with pytest.raises(NoFeatures, match="shapes has no finished"):
            jobs.embed(silent, dataset_id=dataset.pk, source=source)
    assert jobs.embed(silent, dataset_id=0, source="pixels") is None


# --- what comes of it


def test_a_whole_pretraining(dataset, now, state):
    row = learned(dataset, now)
    assert (row.state, row.error, row.attempt) == (Pretraining.State.DONE, "", 1)
    assert [epoch["epoch"] for epoch in row.history] == [1, 2]
    assert {"device", "code", "duration_s", "cpu_s", "torch", "command"} <= row.receipt.keys()
    assert (state / row.path).is_file()
    assert not (pretraining.folder(row) / pretraining.CHECKPOINT).exists()
    assert pretraining.weights_for(dataset, STARTING, choice.freeze(dataset)) == state / row.path
    assert pretraining.weights_for(dataset, Recipe(), choice.freeze(dataset)) is None


def test_a_stopped_pretraining_goes_on_with_the_pictures_that_it_began_with(dataset, now):
    def stop(progress):
        if progress.stage == "learning features":
            raise Cancelled

    row = open_one(dataset, now)
    with pytest.raises(Cancelled):
        jobs.pretrain(stop, pretraining_id=row.pk)
    row.refresh_from_db()
    began = (row.n, seen(row))
    newcomer = dataset.samples.testing().first()
    dataset.samples.filter(pk=newcomer.pk).update(split="train")
    jobs.pretrain(silent, pretraining_id=row.pk)
    row.refresh_from_db()
    assert (row.state, row.attempt) == (Pretraining.State.DONE, 2)
    assert (row.n, seen(row)) == began


def test_the_same_plan_and_seed_give_the_same_weights(dataset, now, state):
    first, second = learned(dataset, now), learned(dataset, now)
    assert (state / first.path).read_bytes() == (state / second.path).read_bytes()
    assert first.fingerprint == second.fingerprint


def test_only_new_pictures_are_embedded(dataset, now, tmp_path):
    row = learned(dataset, now)
    source = f"pretraining:{row.pk}"
    first = jobs.embed(silent, dataset_id=dataset.pk, source=source)
    assert (first["new"], first["pictures"], first["dim"]) == (48, 48, 32)
    toys.shape_folder(tmp_path / "more", {"circle": 3}, np.random.default_rng(9))
    pictures.import_images(dataset, tmp_path / "more", now=now)
    second = jobs.embed(silent, dataset_id=dataset.pk, source=source)
    assert (second["new"], second["pictures"]) == (3, 51)
    kept = EmbeddingSet.objects.get(dataset=dataset)
    ids, vectors = embeddings.read(kept)
    assert ids.tolist() == list(dataset.samples.order_by("pk").values_list("pk", flat=True))
    assert vectors.shape == (51, 32)


def test_raw_pixels_and_a_runs_network_are_sources_too(dataset, now, state):
    run = Run.objects.create(
        dataset=dataset, name="r", recipe={}, seed=1, state=Run.State.DONE, folder="runs/1/1", created_at=now
    )
    (state / run.folder).mkdir(parents=True)
    model = networks.build(STARTING, 3, torch.Generator().manual_seed(1))
    artifacts.save_model(state / run.folder / "model.safetensors", model, STARTING, dataset.classes)
    assert jobs.embed(silent, dataset_id=dataset.pk, source=f"run:{run.pk}")["dim"] == 32
    assert jobs.embed(silent, dataset_id=dataset.pk, source="pixels:8")["dim"] == 192
