"""Studies as jobs, on real pictures: toy shapes, a small network."""

import dataclasses

import numpy as np
import pytest

from labeling.models import Dataset
from labeling.progress import Cancelled, silent
from labeling.services import pictures
from tests import toys
from trainer.engine.recipe import Recipe
from trainer.models import Run, Study
from trainer.search import jobs
from trainer.services import studies
from trainer.services.runs import NotTrainable
from trainer.services.studies import NoStudy, Options

pytestmark = pytest.mark.django_db

RECIPE = Recipe(resolution=16, width=4, min_steps=20, steps_per_root=1.0, precision="fp32", batch=16)
SMALL = Options(steps=30, batches=(8, 16), epochs=(1.0, 2.0))


@pytest.fixture
def dataset(state, tmp_path, now):
    toys.shape_folder(tmp_path / "shapes", {"circle": 30, "square": 30}, np.random.default_rng(0))
    made = Dataset.objects.create(name="shapes", created_at=now)
    pictures.import_images(made, tmp_path / "shapes", now=now)
    made.refresh_from_db()
    return made


def open_study(dataset, now, kind):
    return studies.open_study(dataset, kind, RECIPE, SMALL, 3, now)


# --- what must not happen


def test_a_study_that_is_gone_is_left_alone(db):
    assert jobs.range_test(silent, study_id=0) is None


def test_one_class_alone_ends_as_a_sentence_on_the_study(dataset, now):
    dataset.samples.pool().exclude(label="circle").update(label="")
    study = open_study(dataset, now, Study.Kind.RANGE_TEST)
    with pytest.raises(NotTrainable):
        jobs.range_test(silent, study_id=study.pk)
    study.refresh_from_db()
    assert study.state == Run.State.FAILED
    assert study.error.startswith("A study needs training labels of two classes")


@pytest.mark.parametrize("changes", [{"steps": 5}, {"batches": (1,)}, {"epochs": (0.0,)}, {"epochs": ()}])
def test_what_makes_no_sense_is_refused(changes):
    with pytest.raises(NoStudy):
        dataclasses.replace(SMALL, **changes)


# --- invariant


def test_a_range_test_tries_rising_rates(dataset, now):
    study = open_study(dataset, now, Study.Kind.RANGE_TEST)
    assert jobs.range_test(silent, study_id=study.pk) == {"study": study.pk}
    study.refresh_from_db()
    rates = [point["rate"] for point in study.result["points"]]
    assert study.state == Run.State.DONE
    assert rates == sorted(rates)
    assert study.receipt["device"].startswith("cpu")
    assert jobs.range_test(silent, study_id=study.pk) is None


def test_a_map_that_was_stopped_goes_on_with_its_cells(dataset, now):
    study = open_study(dataset, now, Study.Kind.BATCH_MAP)

    def stop(progress):
        if Study.objects.get(pk=study.pk).result.get("cells"):
            raise Cancelled

    with pytest.raises(Cancelled):
        jobs.batch_map(stop, study_id=study.pk)
    first = Study.objects.get(pk=study.pk).result["cells"]
    jobs.batch_map(silent, study_id=study.pk)
    study.refresh_from_db()
    assert len(study.result["cells"]) == 4
    assert first[0] in study.result["cells"]
    assert {cell["n"] for cell in study.result["cells"]} == {study.n_validation}
    assert study.n_train + study.n_validation == dataset.samples.pool().count()
