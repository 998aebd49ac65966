"""The path of one sample, from a file to the next round, through every room and a real Label Studio.

The jobs are called as the ledger's child process calls them; only the annotator is scripted.
"""

import json
from dataclasses import replace

import numpy as np
import pytest

import labeling.jobs
import trainer.curves.jobs
import trainer.jobs
import workbench.jobs
from labeling.models import Annotation, Dataset, PredictionSet
from labeling.progress import silent
from labeling.services import choice
from tests import toys
from trainer.engine.recipe import NAMED
from trainer.models import Run
from trainer.services import curves, runs
from trainer.services.curves import Design
from workbench.models import Advice
from workbench.services import advice as advising

pytestmark = [pytest.mark.label_studio, pytest.mark.django_db]
SHAPES = dict.fromkeys(toys.SHAPES, 40)
RECIPE = replace(NAMED["plain"], resolution=16, min_steps=30, steps_per_root=3)


@pytest.fixture
def dataset(label_studio, settings, state, tmp_path, now):
    """120 pictures of three shapes; those outside the test split came without labels."""
    settings.MEDIA_ROOT = label_studio.media
    settings.LABEL_STUDIO_DIR = label_studio.folder
    settings.LABEL_STUDIO_PORT = int(label_studio.url.rpartition(":")[2])
    toys.shape_folder(tmp_path / "shapes", SHAPES, np.random.default_rng(0))
    made = Dataset.objects.create(name="Path of one sample", created_at=now)
    labeling.jobs.import_folder(
        silent, dataset_id=made.pk, folder=str(tmp_path / "shapes"), test_share=0.3, keep_labels="test"
    )
    made.refresh_from_db()
    return made


def send(dataset, count, strategy, now):
    """Choose samples and put them into Label Studio's queue."""
    chosen = choice.choose_next(
        dataset, count=count, strategy=strategy, random_share=0.2, overlap=1, seed=3, now=now
    )
    labeling.jobs.push(silent, round_id=chosen.pk)
    return chosen


def label_everything(session, project, dataset):
    """Let a person who is never wrong label until the queue is empty."""
    truth = {sample.key: sample.name.split("/")[0] for sample in dataset.samples.all()}
    while (task := session.next_task(project.ls_id)) is not None:
        session.submit(task, truth[task.item])


def test_a_sample_goes_once_around(dataset, people, now):
    # 1, 2: pictures taken, a random round sent
    assert dataset.classes == sorted(toys.SHAPES)
    first = send(dataset, 60, "random", now)
    project = dataset.projects.get()

    # 3: a person labels, the annotations come back
    label_everything(people["ann1"], project, dataset)
    labeling.jobs.sync(silent, dataset_id=dataset.pk)
    assert Annotation.objects.filter(source="label_studio").count() == 60
    assert dataset.samples.pool().labeled().count() == 60

    # 4, 5: a training on exactly these labels; its predictions come down
    run = runs.open_run(dataset, RECIPE, 0, "plain", now)
    trainer.jobs.train(silent, run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.n_train, run.n_test) == (Run.State.DONE, 60, 36)
    assert run.metrics["accuracy"]["value"] > 0.5  # chance is a third
    predictions = PredictionSet.objects.get()
    assert predictions.source == f"run:{run.pk}"
    assert predictions.count == 36 + 24  # the test split and what nobody has labeled

    # 6: a curve and its forecast
    curve = curves.open_curve(dataset, RECIPE, Design("quick"), 0, now)
    trainer.curves.jobs.curve(silent, curve_id=curve.pk)
    curve.refresh_from_db()
    assert curve.finished_at is not None
    assert curve.forecasts.filter(metric="accuracy").exists()

    # 7: advice
    workbench.jobs.refresh_advice(silent, dataset_id=dataset.pk)
    said = Advice.objects.filter(dataset=dataset, state=Advice.State.OPEN)
    assert said.exists()
    assert all(row.n for row in said if row.gain is not None)
    advising.dismiss_advice(said[0])

    # 8: the next round stands in Label Studio's queue in its order, with the model's opinion
    second = send(dataset, 20, "margin", now)
    project.refresh_from_db()
    assert project.model_version == predictions.model_version
    served = []
    while (task := people["ann1"].next_task(project.ls_id)) is not None:
        served.append(task.item)
        people["ann1"].skip(task)
    wanted = list(second.tasks.order_by("rank").values_list("sample__key", flat=True))
    assert served[: len(wanted)] == wanted

    # what was tested never went to a person, and what was labeled never came twice
    tested = set(dataset.samples.testing().values_list("key", flat=True))
    labeled = set(first.tasks.values_list("sample__key", flat=True))
    assert not tested & (set(wanted) | labeled)
    assert not labeled & set(wanted)


def test_a_receipt_can_be_read_back(dataset, people, now):
    send(dataset, 60, "random", now)
    label_everything(people["ann1"], dataset.projects.get(), dataset)
    labeling.jobs.sync(silent, dataset_id=dataset.pk)
    run = runs.open_run(dataset, RECIPE, 0, "plain", now)
    trainer.jobs.train(silent, run_id=run.pk)
    run.refresh_from_db()
    assert run.fingerprint == choice.freeze(dataset).fingerprint
    assert json.loads(json.dumps(run.recipe)) == RECIPE.to_json()
    assert str(run.seed) in run.receipt["command"]
