import children
import numpy as np
import oddities
import pytest
import toys

from labeling import jobs
from labeling.label_studio.config import ConfigError
from labeling.label_studio.shapes import StudioError
from labeling.models import Dataset, ImportReport
from labeling.progress import silent
from labeling.services import choice


@pytest.fixture
def dataset(db, state, now) -> Dataset:
    return Dataset.objects.create(name="shapes", created_at=now)


def test_a_dataset_that_is_gone_ends_the_job_quietly(db, tmp_path):
    assert jobs.import_folder(silent, dataset_id=0, folder=str(tmp_path)) is None


def test_a_csv_that_was_named_but_is_not_there_is_told(dataset, tmp_path):
    folder = oddities.write(tmp_path / "in", {"a.png": oddities.rgb()})
    told = jobs.import_folder(
        silent, dataset_id=dataset.pk, folder=str(folder), labels_csv=str(tmp_path / "no.csv")
    )
    assert (told["taken"], told["refused"]) == (1, 1)


@pytest.mark.parametrize("place", ["in/labels.csv", "beside.csv"])
def test_a_csv_in_the_folder_or_beside_it_gives_the_labels(dataset, tmp_path, place):
    folder = oddities.write(tmp_path / "in", {"a.png": oddities.rgb(), "b.png": oddities.gray()})
    (tmp_path / place).write_text("file,label\na.png,dog\nb.png,cat\n")
    named = {"beside.csv": str(tmp_path / "beside.csv")}.get(place, "")
    told = jobs.import_folder(silent, dataset_id=dataset.pk, folder=str(folder), labels_csv=named)
    assert told == {
        "report_id": ImportReport.objects.get().pk,
        "taken": 2,
        "known": 0,
        "refused": 0,
        "noted": 0,
    }
    assert set(dataset.samples.values_list("label", flat=True)) == {"cat", "dog"}


def test_a_round_of_a_dataset_without_classes_is_not_sent_and_says_what_to_do(
    dataset, tmp_path, settings, now
):
    settings.LABEL_STUDIO_URL, settings.LABEL_STUDIO_API_KEY = "http://127.0.0.1:9", "a key"
    folder = oddities.write(tmp_path / "in", {"a.png": oddities.rgb()})
    jobs.import_folder(silent, dataset_id=dataset.pk, folder=str(folder))
    chosen = choice.choose_next(dataset, count=1, now=now)
    with pytest.raises(
        StudioError, match=r"at least two classes, got 0\. Import .* `manage\.py import_images"
    ) as told:
        jobs.push(silent, round_id=chosen.pk)
    assert told.value.permanent


@pytest.mark.parametrize("classes", [["cat"], ["cat", "cat"], ["cat", "d" * 101]])
def test_classes_that_nobody_could_choose_among_stop_the_import(dataset, tmp_path, classes):
    folder = oddities.write(tmp_path / "in", {"a.png": oddities.rgb()})
    with pytest.raises(ConfigError):
        jobs.import_folder(silent, dataset_id=dataset.pk, folder=str(folder), classes=classes)
    assert not dataset.samples.exists()


@pytest.mark.parametrize(
    ("before", "table", "after"),
    [
        ([], "", ["dog", "cat"]),
        ([], "a.png,fox\nb.png,elk\n", ["elk", "fox"]),
        (["owl", "bat"], "", ["owl", "bat"]),
    ],
)
def test_named_classes_count_where_neither_dataset_nor_labels_have_any(
    dataset, tmp_path, before, table, after
):
    Dataset.objects.update(classes=before)
    folder = oddities.write(tmp_path / "in", {"a.png": oddities.rgb(), "b.png": oddities.gray()})
    (folder / "labels.csv").write_text("file,label\n" + table)
    jobs.import_folder(silent, dataset_id=dataset.pk, folder=str(folder), classes=["dog", "cat"])
    dataset.refresh_from_db()
    assert dataset.classes == after


IMPORT = """
import sys, time
from labeling import jobs
from labeling.services import pictures
pictures.LOT = 10
def report(progress):
    print(progress.stage, progress.done, flush=True)
    time.sleep(60 * (f"{progress.stage} {progress.done}" == sys.argv[3]))
jobs.import_folder(report, dataset_id=int(sys.argv[1]), folder=sys.argv[2])
"""


@pytest.mark.parametrize("stage", ["Reading pictures 10", "Reading pictures 30", "Comparing pictures 0"])
def test_an_import_that_was_killed_is_finished_by_the_next(committed, tmp_path, stage):
    truth = toys.shape_folder(tmp_path / "in", {"circle": 20, "square": 10}, np.random.default_rng(0))
    with children.child(IMPORT, tmp_path, str(committed.pk), str(tmp_path / "in"), stage) as victim:
        next(line for line in victim.stdout if line.startswith(stage))
        victim.kill()
    assert set(committed.samples.values_list("label", flat=True)) == {""}
    told = jobs.import_folder(silent, dataset_id=committed.pk, folder=str(tmp_path / "in"))
    assert told["taken"] + told["known"] == 30
    assert dict(committed.samples.values_list("name", "label")) == truth
    assert committed.samples.testing().count() == 6
    assert len([path for path in (tmp_path / "media").rglob("*") if path.is_file()]) == 30
