"""Where pictures of an import are placed: the frozen test split, and near-equal ones with one another."""

from pathlib import Path

import numpy as np
import pytest
import toys
from django.conf import settings
from django.db.models import Count
from PIL import Image

from labeling.models import Annotation, Dataset, ImportReport
from labeling.services import choice, pictures

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(state, now) -> Dataset:
    return Dataset.objects.create(name="shapes", created_at=now)


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def take(dataset: Dataset, folder: Path, **wishes: object) -> ImportReport:
    return pictures.import_images(dataset, folder, now=dataset.created_at, **wishes)


def told(report: ImportReport) -> dict[str, str]:
    return {row["file"]: row["reason"] for row in report.refused} | {
        row["file"]: row["note"] for row in report.noted
    }


def resized_copies(dataset: Dataset, names: list[str], folder: Path) -> Path:
    """Write the stored pictures of these samples a quarter smaller into a folder, under their names."""
    for sample in dataset.samples.filter(name__in=names):
        (folder / sample.name).parent.mkdir(parents=True, exist_ok=True)
        with Image.open(settings.MEDIA_ROOT / sample.file) as image:
            image.resize((72, 72)).save(folder / sample.name)
    return folder


@pytest.fixture
def split_shapes(dataset, folder) -> dict[str, str]:
    """A dataset with a test split; returns one name of each split."""
    toys.shape_folder(folder, {"circle": 10, "square": 10}, np.random.default_rng(0), side=96)
    take(dataset, folder)
    return {side: dataset.samples.filter(split=side).first().name for side in ("train", "test")}


def test_a_lost_file_of_an_older_picture_does_not_stop_the_import(dataset, split_shapes, tmp_path):
    more = resized_copies(dataset, [split_shapes["train"]], tmp_path / "more")
    for file in choice.freeze(dataset).files:
        file.unlink()
    assert take(dataset, more).taken == 1


def test_keep_labels_test_drops_the_labels_of_the_pool(dataset, folder):
    toys.shape_folder(folder, {"circle": 20, "square": 10}, np.random.default_rng(0))
    take(dataset, folder, keep_labels="test")
    assert dataset.samples.pool().labeled().count() == 0
    assert dataset.samples.testing().unlabeled().count() == 0
    assert dataset.samples.testing().count() == 6
    take(dataset, folder, keep_labels="test")
    assert (dataset.samples.labeled().count(), Annotation.objects.count()) == (6, 6)


def test_a_later_import_trains_and_moves_nothing(dataset, folder, tmp_path):
    rng = np.random.default_rng(0)
    toys.shape_folder(folder, {"circle": 20, "square": 10}, rng)
    take(dataset, folder)
    before = dict(dataset.samples.values_list("key", "split"))
    toys.shape_folder(tmp_path / "more", {"circle": 30, "triangle": 30}, rng)
    report = take(dataset, tmp_path / "more")
    after = dict(dataset.samples.values_list("key", "split"))
    assert {key: after[key] for key in before} == before
    assert {side for key, side in after.items() if key not in before} == {"train"}
    assert len([note for note in told(report).values() if '"triangle" is no class' in note]) == 30


def test_what_is_nearly_equal_to_a_test_picture_is_set_aside(dataset, split_shapes, tmp_path):
    tested = choice.freeze(dataset).test_rows.tolist()
    report = take(dataset, resized_copies(dataset, [split_shapes["test"]], tmp_path / "more"))
    frozen = choice.freeze(dataset)
    assert frozen.test_rows.tolist() == tested
    assert (frozen.labels[-1], frozen.is_test[-1]) == (-1, True)
    assert "set aside" in told(report)[split_shapes["test"]]


def test_what_is_nearly_equal_to_a_training_picture_joins_its_group(dataset, split_shapes, tmp_path):
    take(dataset, resized_copies(dataset, [split_shapes["train"]], tmp_path / "more"))
    one, two = dataset.samples.filter(name=split_shapes["train"])
    assert (one.duplicate_group, two.duplicate_group) == (one.key, one.key)
    assert (two.split, two.label) == (one.split, one.label)


def test_equal_pictures_in_other_files_share_group_and_split(dataset, folder):
    truth = toys.shape_folder(folder, {"circle": 10, "square": 10}, np.random.default_rng(0))
    for name in truth:
        with Image.open(folder / name) as image:
            image.save(folder / f"{name}.bmp")
    take(dataset, folder, labels=truth)
    groups = dataset.samples.values("duplicate_group").annotate(
        n=Count("pk"), splits=Count("split", distinct=True)
    )
    assert [(row["n"], row["splits"]) for row in groups] == [(2, 1)] * 20
    assert dataset.samples.testing().labeled().count() == 4
