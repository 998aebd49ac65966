"""The import contract: each file is taken rightly or listed with its reason, and nothing is lost."""

import hashlib
import os
import tempfile
import uuid
import zipfile
from pathlib import Path

import hypothesis
import numpy as np
import oddities
import pytest
import toys
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from labeling import images
from labeling.models import Annotation, Dataset, ImportReport, Sample
from labeling.progress import Cancelled, Progress
from labeling.services import choice, opinions, pictures

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
    """Return all that a report says, by file."""
    return {row["file"]: row["reason"] for row in report.refused} | {
        row["file"]: row["note"] for row in report.noted
    }


def labels_of(dataset: Dataset) -> dict[str, str]:
    return dict(dataset.samples.values_list("name", "label"))


ODD = {
    "empty.png": (b"", "empty"),
    "half.jpg": (oddities.truncated("JPEG"), "damaged"),
    "bomb.png": (oddities.bomb(), "40 million"),
    "drawing.svg": (oddities.svg(), "SVG"),
    "notes.txt": (b"words", "No picture"),
    ".hidden.png": (oddities.rgb(), "Hidden"),
}
SOUND = {
    "cmyk.jpg": (oddities.cmyk(), "CMYK"),
    "deep.png": (oddities.gray_16(), "16-bit"),
    "turned.jpg": (oddities.turned(), "Turned"),
    "moving.gif": (oddities.animated("GIF"), "first"),
    "clear.png": (oddities.transparent(), "white"),
    "wrong.png": (oddities.rgb("WEBP"), "holds WEBP"),
}


def test_odd_files_are_taken_rightly_or_listed_and_nothing_is_lost(dataset, folder):
    oddities.write(
        folder, {name: raw for name, (raw, _) in (ODD | SOUND).items()} | {"plain.png": oddities.rgb()}
    )
    report = take(dataset, folder)
    assert set(labels_of(dataset)) == {*SOUND, "plain.png"}
    assert {row["file"] for row in report.refused} == set(ODD)
    assert {row["file"] for row in report.noted} == set(SOUND)
    assert [(name, True) for name, (_, word) in (ODD | SOUND).items()] == [
        (name, word in told(report)[name]) for name, (_, word) in (ODD | SOUND).items()
    ]
    assert (report.taken, report.known) == (7, 0)


@pytest.mark.parametrize("made", ["missing", "a file"])
def test_a_folder_that_cannot_be_read_ends_in_a_report(dataset, folder, made):
    (folder / "a file").touch()
    report = take(dataset, folder / made)
    assert report.taken == 0
    assert "cannot be read" in told(report)["."]


def test_unreadable_files_and_folders_are_listed_and_the_rest_is_taken(dataset, closed_to_us, settings):
    settings.MEDIA_ROOT = Path(tempfile.mkdtemp(prefix="seedbed-media-"))  # ours, whoever we are now
    report = take(dataset, closed_to_us)
    assert list(labels_of(dataset)) == ["open.png"]
    assert set(told(report)) == {"closed.png", "inner"}


def test_a_second_import_adds_nothing(dataset, folder):
    toys.shape_folder(folder, {"circle": 10, "square": 10}, np.random.default_rng(0))
    take(dataset, folder)
    before = (
        choice.freeze(dataset).fingerprint,
        list(Sample.objects.values()),
        list(Annotation.objects.values()),
    )
    report = take(dataset, folder)
    after = (
        choice.freeze(dataset).fingerprint,
        list(Sample.objects.values()),
        list(Annotation.objects.values()),
    )
    assert after == before
    assert (report.taken, report.known, report.refused, report.noted) == (0, 20, [], [])


def test_the_same_bytes_under_two_names_are_one_sample_and_noted(dataset, folder):
    oddities.write(folder, {"a.png": oddities.rgb(), "b.png": oddities.rgb()})
    report = take(dataset, folder)
    assert report.taken == Sample.objects.count() == 1
    assert told(report) == {"b.png": "The same file as a.png: one picture."}


def test_a_broken_file_and_its_copy_are_both_listed(dataset, folder):
    oddities.write(folder, {"a.png": oddities.truncated("PNG"), "b.png": oddities.truncated("PNG")})
    assert set(told(take(dataset, folder))) == {"a.png", "b.png"}


def test_one_picture_in_two_class_folders_is_taken_unlabeled_and_listed(dataset, folder):
    oddities.write(
        folder, {"cat/a.png": oddities.rgb(), "dog/b.png": oddities.rgb(), "dog/c.png": oddities.gray()}
    )
    report = take(dataset, folder)
    assert labels_of(dataset) == {"cat/a.png": "", "dog/c.png": "dog"}
    listed = [
        row["file"] for row in report.noted if "neither" in row["note"] or "without a label" in row["note"]
    ]
    assert listed == ["cat/a.png", "dog/b.png"]


def test_class_folders_become_classes_labels_and_annotations(dataset, folder):
    truth = toys.shape_folder(folder, {"square": 10, "circle": 20}, np.random.default_rng(0))
    take(dataset, folder)
    dataset.refresh_from_db()
    assert dataset.classes == ["circle", "square"]
    assert labels_of(dataset) == truth
    assert set(Annotation.objects.values_list("source", "annotator")) == {("import", None)}
    assert dataset.samples.testing().filter(label="circle").count() == 4
    assert dataset.samples.testing().filter(label="square").count() == 2


def test_files_are_stored_whole_where_their_rows_say(dataset, folder):
    oddities.write(folder, {"a.png": oddities.rgb(), "b.jpg": oddities.cmyk()})
    take(dataset, folder)
    frozen = choice.freeze(dataset)
    assert frozen.files[0].read_bytes() == oddities.rgb()
    assert images.understand(frozen.files[1].read_bytes(), "b.png").notes == ()
    assert [file.parts[-3:] for file in frozen.files] == [
        (str(dataset.pk), frozen.keys[0][:2], f"{frozen.keys[0]}.png"),
        (str(dataset.pk), frozen.keys[1][:2], f"{frozen.keys[1]}.png"),
    ]
    assert frozen.keys[0] == hashlib.sha256(oddities.rgb()).hexdigest()


def test_a_stored_file_that_got_lost_is_stored_again(dataset, folder):
    oddities.write(folder, {"a.png": oddities.rgb()})
    take(dataset, folder)
    stored = choice.freeze(dataset).files[0]
    stored.unlink()
    report = take(dataset, folder)
    assert stored.read_bytes() == oddities.rgb()
    assert (report.taken, report.known) == (0, 1)
    assert "gone" in told(report)["a.png"]


@pytest.mark.parametrize(
    "name", [b"caf\xe9.png", "貓 🐈.png".encode(), b"two\nlines.png", b"' OR 1=1 --.png"]
)
def test_odd_names_are_taken(dataset, folder, name):
    Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(oddities.rgb())
    assert take(dataset, folder).taken == 1


def test_a_name_longer_than_its_column_keeps_its_end(dataset, folder):
    deep = "/".join(["d" * 120] * 6)
    oddities.write(folder, {f"{deep}/a.png": oddities.rgb()})
    take(dataset, folder)
    assert len(Sample.objects.get().name) == 500
    assert Sample.objects.get().name.endswith("/a.png")


def csv_of(folder: Path, text: str) -> dict[str, str]:
    (folder / "labels.csv").write_text(text)
    return pictures.read_labels(folder / "labels.csv")


def test_a_csv_labels_what_it_can_and_the_rest_is_listed(dataset, folder):
    dataset.classes = ["cat", "dog"]
    dataset.save()
    oddities.write(folder, {"a.png": oddities.rgb(), "b.png": oddities.gray(), "c.png": oddities.palette()})
    report = take(
        dataset,
        folder,
        labels=csv_of(
            folder, "file,label\na.png,cat\nb.png,wolf\nc.png,cat\nc.png,dog\ngone.png,cat\n,dog\n"
        ),
    )
    assert labels_of(dataset) == {"a.png": "cat", "b.png": "", "c.png": ""}
    assert set(told(report)) == {"b.png", "c.png", "gone.png", "labels.csv"}
    assert '"wolf" is no class' in told(report)["b.png"]
    assert "no such file" in told(report)["gone.png"]
    dataset.refresh_from_db()
    assert dataset.classes == ["cat", "dog"]


def test_a_csv_with_a_wrong_header_is_listed_and_the_pictures_are_taken(dataset, folder):
    oddities.write(folder, {"cat/a.png": oddities.rgb(), "dog/b.png": oddities.gray()})
    report = take(dataset, folder, labels=csv_of(folder, "path,class\ncat/a.png,cat\n"))
    assert labels_of(dataset) == {"cat/a.png": "", "dog/b.png": ""}
    assert list(told(report)) == ["labels.csv"]


def test_zero_bytes_in_a_csv_do_no_harm(dataset, folder):
    oddities.write(folder, {"a.png": oddities.rgb()})
    report = take(
        dataset, folder, labels=csv_of(folder, "file,label\na\0b.png,cat\na.png,c\0at\n\0.png,x\n\0.png,y\n")
    )
    assert report.taken == 1
    assert set(told(report)) == {r"a\x00b.png", "a.png", r"\x00.png"}


def test_folders_named_after_splits_are_stepped_through_and_noted(dataset, folder):
    oddities.write(folder, {"train/cat/a.png": oddities.rgb(), "test/dog/b.png": oddities.gray()})
    report = take(dataset, folder)
    assert set(labels_of(dataset).values()) == {"cat", "dog"}
    assert set(told(report)) == {"train", "test"}


def test_a_csv_defines_the_classes_of_a_new_dataset(dataset, folder):
    oddities.write(folder, {"a.png": oddities.rgb(), "b.png": oddities.gray()})
    take(dataset, folder, labels=csv_of(folder, "file,label\na.png,dog\nb.png,cat\n"))
    dataset.refresh_from_db()
    assert dataset.classes == ["cat", "dog"]


def test_a_csv_row_of_a_refused_file_is_listed_once(dataset, folder):
    oddities.write(folder, {"a.png": b""})
    report = take(dataset, folder, labels=csv_of(folder, "file,label\na.png,cat\n"))
    assert [row["file"] for row in report.refused] == ["a.png"]


def test_without_labels_everything_waits(dataset, folder):
    oddities.write(folder, {"a.png": oddities.rgb(), "b.png": oddities.gray()})
    take(dataset, folder)
    dataset.refresh_from_db()
    assert (dataset.classes, dataset.samples.waiting().count()) == ([], 2)


def test_labels_that_come_later_are_taken(dataset, folder):
    toys.shape_folder(folder, {"circle": 10, "square": 10}, np.random.default_rng(0))
    take(dataset, folder, labels={})
    report = take(dataset, folder)
    assert (report.taken, report.known) == (0, 20)
    assert dataset.samples.unlabeled().count() == 0
    assert dataset.samples.testing().count() == 4


def test_a_label_never_replaces_one_that_stands(dataset, folder):
    truth = toys.shape_folder(folder, {"circle": 5, "square": 5}, np.random.default_rng(0))
    take(dataset, folder)
    report = take(dataset, folder, labels=dict.fromkeys(truth, "circle"))
    assert labels_of(dataset) == truth
    assert set(told(report)) == {file for file, label in truth.items() if label == "square"}


class Stop:
    """A report that cancels the work once so many pictures are done."""

    def __init__(self, after: int) -> None:
        self.after = after

    def __call__(self, progress: Progress) -> None:
        if progress.done >= self.after:
            raise Cancelled


@pytest.mark.parametrize("after", [0, 5, 15, 30])
def test_a_cancelled_import_is_finished_by_the_next(dataset, folder, after, monkeypatch):
    monkeypatch.setattr(pictures, "LOT", 5)
    truth = toys.shape_folder(folder, {"circle": 20, "square": 10}, np.random.default_rng(0))
    with pytest.raises(Cancelled):
        take(dataset, folder, report=Stop(after))
    assert set(labels_of(dataset).values()) <= {""}
    report = take(dataset, folder)
    assert report.taken + report.known == 30
    assert labels_of(dataset) == truth
    assert dataset.samples.testing().count() == 6
    assert not dataset.samples.filter(duplicate_group="").exists()


def test_progress_counts_the_files_of_each_lot(dataset, folder, monkeypatch):
    monkeypatch.setattr(pictures, "LOT", 5)
    toys.shape_folder(folder, {"circle": 12}, np.random.default_rng(0))
    seen: list[Progress] = []
    take(dataset, folder, report=seen.append)
    assert [(p.done, p.total) for p in seen if p.stage == "Reading pictures"] == [
        (0, 12),
        (5, 12),
        (10, 12),
        (12, 12),
    ]


CONTENTS = [
    b"",
    b"words",
    oddities.rgb(),
    oddities.gray(),
    oddities.cmyk(),
    oddities.turned(),
    oddities.flipped_byte(),
]
NAMES = ["a.png", "b.jpg", "cat/a.png", "cat/.b.png", "dog/a.png", "dog/c", "dog/deep/d.gif", "train/e.png"]


@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(CONTENTS)))
@hypothesis.settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_file_is_accounted_for(state, now, files):
    dataset = Dataset.objects.create(name=uuid.uuid4().hex, created_at=now)
    with tempfile.TemporaryDirectory() as folder:
        report = take(dataset, oddities.write(Path(folder), files))
        again = take(dataset, Path(folder))
    names = set(labels_of(dataset))
    copies = {row["file"] for row in report.noted if row["note"].startswith("The same file")}
    refused = {row["file"] for row in report.refused}
    assert names | copies | refused == set(files)
    assert len(names) + len(copies) + len(refused) == len(files)
    assert (report.taken, again.taken, again.known) == (len(names), 0, len(names))


@pytest.mark.parametrize(
    ("wishes", "rule"),
    [
        ({"test_share": 1.0}, "test_share"),
        ({"test_share": -1}, "test_share"),
        ({"keep_labels": "no"}, "keep_labels"),
    ],
)
def test_wishes_that_cannot_be_met_stop_the_import_before_it_begins(dataset, folder, wishes, rule):
    oddities.write(folder, {"a.png": oddities.rgb()})
    with pytest.raises(ValueError, match=rule):
        take(dataset, folder, **wishes)
    assert not dataset.samples.exists()


def test_removing_a_dataset_leaves_no_file(dataset, folder, now):
    toys.shape_folder(folder, {"circle": 3, "square": 3}, np.random.default_rng(0))
    take(dataset, folder)
    frozen = choice.freeze(dataset)
    opinions.record_predictions(
        dataset, frozen.ids, np.full((6, 2), 0.5), source="run:1", model_version="m", now=now
    )
    pictures.remove_dataset(dataset)
    assert not Sample.objects.exists()
    assert [
        path for path in settings.STATE_DIR.rglob("*") if path.is_file() and folder not in path.parents
    ] == []


def test_real_conflicts_of_trashnet_are_found(dataset, folder, shared_data):
    names = [
        "metal/metal91",
        "glass/glass115",
        "plastic/plastic332",
        "glass/glass389",
        "plastic/plastic152",
        "glass/glass176",
    ]
    with zipfile.ZipFile(shared_data / "trashnet-256" / "images.zip") as archive:
        for name in names:
            oddities.write(folder, {f"{name}.jpg": archive.read(f"images/{name}.jpg")})
    report = take(dataset, folder)
    assert report.taken == 3
    assert set(labels_of(dataset).values()) == {""}
    assert {row["file"] for row in report.noted if "without a label" in row["note"]} == {
        f"{n}.jpg" for n in names
    }
