import numpy as np
import pytest
from PIL import Image

from augment import batch_specs, jobs, policy_specs, services
from augment.models import Preview
from labeling.models import Dataset
from labeling.progress import Cancelled, silent
from labeling.services import pictures
from tests import toys

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(state, tmp_path, now):
    toys.shape_folder(tmp_path / "shapes", dict.fromkeys(toys.SHAPES, 10), np.random.default_rng(0))
    made = Dataset.objects.create(name="shapes", created_at=now)
    pictures.import_images(made, tmp_path / "shapes", now=now)
    made.refresh_from_db()
    return made


def preview(dataset, policy="gentle", seed=3):
    return Preview.objects.get(
        pk=jobs.preview(silent, dataset_id=dataset.pk, policy=policy, seed=seed)["preview"]
    )


def test_a_dataset_without_pictures_is_refused_in_words(state, now):
    empty = Dataset.objects.create(name="empty", created_at=now)
    with pytest.raises(services.NothingToShow, match="empty has no picture"):
        jobs.preview(silent, dataset_id=empty.pk, policy="gentle", seed=0)


def test_an_unknown_policy_leaves_nothing_behind(dataset, state):
    with pytest.raises(ValueError, match="got 'wild'"):
        jobs.preview(silent, dataset_id=dataset.pk, policy="wild", seed=0)
    assert not Preview.objects.exists()
    assert not (state / "previews").exists()


def test_test_pictures_are_never_shown(dataset):
    shown = services.samples_to_show(dataset, 1000, seed=0)
    assert {sample.pk for sample in shown} == set(dataset.samples.pool().values_list("pk", flat=True))


def test_a_stopped_preview_leaves_no_row(dataset):
    def stop(progress):
        if progress.done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        jobs.preview(stop, dataset_id=dataset.pk, policy="gentle", seed=0)
    assert not Preview.objects.exists()


def test_all_classes_show_and_unlabeled_pictures_come_last(dataset):
    dataset.samples.filter(label="square").update(label="")
    labels = [sample.label for sample in services.samples_to_show(dataset, 6, seed=1)]
    assert labels == ["circle", "triangle", "", "circle", "triangle", ""]


def test_a_preview_says_how_to_draw_it_again(dataset, state):
    row = preview(dataset)
    assert row.spec == policy_specs.GENTLE.to_json()
    assert (row.seed, row.copies, len(row.sample_keys)) == (3, jobs.COPIES, jobs.ROWS)
    assert row.versions["albumentations"] == "2.0.8"
    again = preview(dataset)
    assert (state / again.path).read_bytes() == (state / row.path).read_bytes()
    with Image.open(state / row.path) as sheet:
        assert sheet.format == "PNG"


@pytest.mark.parametrize("policy", batch_specs.NAMED)
def test_a_batch_policy_is_previewed_alike(dataset, state, policy):
    row = preview(dataset, policy)
    assert row.spec == batch_specs.NAMED[policy].to_json()
    assert set(row.versions) == {"torch"}
    again = preview(dataset, policy)
    assert (state / again.path).read_bytes() == (state / row.path).read_bytes()


@pytest.mark.parametrize("policy", ["gentle", "shift"])
def test_another_seed_draws_another_sheet(dataset, state, policy):
    first, second = preview(dataset, policy), preview(dataset, policy, seed=4)
    assert (state / first.path).read_bytes() != (state / second.path).read_bytes()
