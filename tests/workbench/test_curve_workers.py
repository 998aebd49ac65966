"""A curve's cells on several real workers, one of which dies."""

from contextlib import ExitStack

import numpy as np
import pytest

from labeling.models import Dataset
from labeling.services import pictures
from tests import toys
from tests.workbench.processes import command, kill, wait_for
from trainer.engine.recipe import Recipe
from trainer.models import CellClaim, Curve, CurveCell
from workbench.ledger.models import Job
from workbench.services import work

RECIPE = Recipe(resolution=16, width=4, batch=16, min_steps=400, precision="fp32")


@pytest.fixture
def dataset(transactional_db, state, tmp_path, now, settings):
    settings.CURVE_WORKERS, settings.TRAIN_QUEUE = 2, "cpu"
    toys.shape_folder(tmp_path / "shapes", dict.fromkeys(toys.SHAPES, 50), np.random.default_rng(0))
    made = Dataset.objects.create(name="shapes", created_at=now)
    pictures.import_images(made, tmp_path / "shapes", now=now)
    made.refresh_from_db()
    return made


def test_a_killed_worker_costs_one_cell_and_nothing_is_trained_twice(dataset, tmp_path):
    """Two workers share eight cells; kill -9 takes one of them, with its child, in the middle of a cell."""
    first = work.start_curve(dataset, recipe=RECIPE, tiers=(), seed=3)
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(command("worker", "--name", name, SEEDBED_STATE=str(tmp_path)))
            for name in ("w1", "w2")
        }
        stack.enter_context(command("tick", SEEDBED_STATE=str(tmp_path)))
        wait_for(lambda: CellClaim.objects.count() == 2 and CurveCell.objects.count() >= 2, seconds=120)
        before = dict(CurveCell.objects.values_list("key", "created_at"))
        kill(workers[Job.objects.get(pk=first.pk).worker].pid)
        wait_for(lambda: Curve.objects.exclude(finished_at=None).exists(), seconds=240)
        wait_for(lambda: not Job.objects.exclude(state="done").exists())
    assert CurveCell.objects.count() == 8
    assert before.items() <= dict(CurveCell.objects.values_list("key", "created_at")).items()
    assert Job.objects.get(pk=first.pk).attempt == 2
    trained = [
        (job.result or {"trained": 0})["trained"]  # nothing was left for one that came again
        for job in Job.objects.filter(work=first.work)
    ]
    assert 8 - len(before) - 1 <= sum(trained) <= 8 - 1  # what the dead one had kept counts for nobody
    assert not CellClaim.objects.exists()
