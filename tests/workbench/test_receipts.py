"""A receipt is enough: what its command names trains the same model again, bit for bit."""

import shlex

import numpy as np
import pytest

from labeling.models import Dataset
from labeling.progress import silent
from labeling.services import pictures
from tests import toys
from trainer import jobs
from trainer.engine.recipe import Recipe
from trainer.models import ModelVersion, Run
from trainer.services import registry, runs
from workbench.management.starting import recipe_of
from workbench.services import work

pytestmark = pytest.mark.django_db
PLAIN = Recipe(resolution=16, width=4, min_steps=40, steps_per_root=1.0, precision="fp32")
CHANGED = Recipe(
    network="resnet9", resolution=16, width=4, min_steps=20, steps_per_root=1.0, precision="fp32",
    optimizer="sgd", learning_rate=0.05, schedule="one-cycle", policy="shift-flip", mixing="mixup", ema=0.9,
)  # fmt: skip


@pytest.mark.parametrize("recipe", [PLAIN, CHANGED], ids=["plain", "changed"])
def test_the_command_of_a_receipt_gives_the_same_predictions_and_weights(recipe, state, tmp_path, now):
    toys.shape_folder(tmp_path / "shapes", dict.fromkeys(toys.SHAPES, 30), np.random.default_rng(0))
    dataset = Dataset.objects.create(name="it's shapes", created_at=now)
    pictures.import_images(dataset, tmp_path / "shapes", test_share=0.4, now=now)
    first = runs.open_run(dataset, recipe, 12345, "shapes", now)
    jobs.train(silent, run_id=first.pk)
    first.refresh_from_db()

    words = shlex.split(first.receipt["command"])
    assert words[:5] == ["python3", "manage.py", "train", dataset.name, "--recipe"]
    job = work.start_training(dataset, recipe_of(words[5]), seed=int(words[7]))
    jobs.train(silent, run_id=job.params["run_id"])
    second = Run.objects.get(pk=job.params["run_id"])

    assert first.fingerprint == second.fingerprint
    said = [(state / run.folder / runs.PREDICTIONS).read_bytes() for run in (first, second)]
    assert said[0] == said[1]
    one, other = ModelVersion.objects.order_by("number")
    assert one.weights == other.weights
    assert registry.weights_file(one) != registry.weights_file(other)
