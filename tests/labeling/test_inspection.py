"""Pictures of a dataset are measured once, whatever happens meanwhile, and what is odd is written once."""

import zipfile

import children
import numpy as np
import pytest
from PIL import Image

from labeling import duplicates
from labeling.models import Dataset, PictureIssue, Sample
from labeling.quality import jobs, pictures
from labeling.services import inspection
from labeling.services import pictures as importing


def scene(seed, side=64, cells=9):
    cells = np.random.default_rng(seed).integers(0, 256, (cells, cells, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize((side, side), Image.Resampling.BICUBIC)


@pytest.fixture
def dataset(db, state, now):
    """Thirty scenes, and one each that is blank, dark, twice as large a side, and a strip."""
    folder = state / "in"
    folder.mkdir()
    shown = {f"{number:02d}": scene(number) for number in range(30)}
    shown["blank"] = Image.new("RGB", (64, 64), "gray")
    shown["dark"] = scene(100).point(lambda level: level * 0.2)
    shown["large"] = scene(101, 200, 40)
    shown["strip"] = scene(102).resize((256, 20))
    for name, image in shown.items():
        image.save(folder / f"{name}.png")
    dataset = Dataset.objects.create(name="Scenes", created_at=now)
    importing.import_images(dataset, folder, now=now)
    return dataset


def inspect(dataset, report=lambda progress: None):
    return jobs.inspect_pictures(report, dataset_id=dataset.pk)


def found(dataset):
    rows = PictureIssue.objects.filter(sample__dataset=dataset, dismissed_at=None)
    return sorted(rows.values_list("sample__name", "kind"))


EXPECTED = [
    ("blank.png", "blank"),
    ("dark.png", "dark"),
    ("large.png", "odd_size"),
    ("strip.png", "odd_aspect"),
]


def test_a_dataset_that_is_gone_is_no_error(db):
    assert jobs.inspect_pictures(lambda progress: None, dataset_id=1) is None


def test_what_is_odd_is_found_and_told_once(dataset):
    told = inspect(dataset)
    assert found(dataset) == EXPECTED
    assert (told["measured"], told["open"], told["blank"], told["leak"]) == (34, 4, 1, 0)
    assert inspect(dataset)["measured"] == 0
    assert found(dataset) == EXPECTED


INSPECT = """
import sys, time
from labeling.quality import jobs
from labeling.services import inspection
inspection.LOT = 10
def report(progress):
    print(progress.stage, progress.done, flush=True)
    time.sleep(60 * (f"{progress.stage} {progress.done}" == sys.argv[2]))
jobs.inspect_pictures(report, dataset_id=int(sys.argv[1]))
"""


@pytest.mark.parametrize(("stage", "left"), [("Looking at pictures 20", 10), ("comparing pictures 0", 0)])
def test_an_inspection_that_was_killed_is_finished_by_the_next(committed, tmp_path, now, stage, left):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(29):
        scene(number).save(folder / f"{number:02d}.png")
    Image.new("RGB", (64, 64), "gray").save(folder / "blank.png")
    importing.import_images(committed, folder, now=now)
    with children.child(INSPECT, tmp_path, str(committed.pk), stage) as victim:
        next(line for line in victim.stdout if line.startswith(stage))
        victim.kill()
    assert (inspection.unseen(committed).count(), found(committed)) == (left, [])
    assert inspect(committed)["measured"] == left
    assert found(committed) == [("blank.png", "blank")]


def test_pictures_measured_by_another_version_are_measured_anew(dataset, monkeypatch):
    inspect(dataset)
    monkeypatch.setattr(pictures, "VERSION", 2)
    assert inspection.unseen(dataset).count() == 34


def test_a_damaged_and_a_lost_file_are_told_and_do_not_stop_the_others(dataset, settings):
    lost, torn = dataset.samples.filter(name__in=["00.png", "01.png"]).order_by("name")
    (settings.MEDIA_ROOT / lost.file).unlink()
    (settings.MEDIA_ROOT / torn.file).write_bytes(b"\x89PNG no more")
    inspect(dataset)
    assert found(dataset) == sorted([("00.png", "unreadable"), ("01.png", "unreadable"), *EXPECTED])


def test_what_somebody_dismissed_stays_so_until_it_is_taken_back(dataset, now):
    inspect(dataset)
    dark = PictureIssue.objects.get(kind="dark")
    assert inspection.dismiss(dataset, [dark.pk], now) == 1
    assert inspection.dismiss(dataset, [dark.pk], now) == 0
    inspect(dataset)
    assert ("dark.png", "dark") not in found(dataset)
    assert inspection.reopen(dataset, [dark.pk]) == 1
    assert found(dataset) == EXPECTED


def test_issues_of_another_dataset_are_left_alone(dataset, now):
    inspect(dataset)
    other = Dataset.objects.create(name="Other", created_at=now)
    ids = list(PictureIssue.objects.values_list("pk", flat=True))
    assert inspection.dismiss(other, ids, now) == inspection.reopen(other, ids) == 0
    inspect(other)
    assert found(dataset) == EXPECTED


def test_a_finding_that_holds_no_longer_goes(dataset):
    inspect(dataset)
    dataset.samples.filter(name="strip.png").update(width=64, height=64)
    inspect(dataset)
    assert ("strip.png", "odd_aspect") not in found(dataset)


def test_pictures_from_before_the_wide_hash_get_the_one_of_an_import(dataset):
    before = dict(dataset.samples.values_list("pk", "wide_hash"))
    assert len(set(before.values())) > 25
    dataset.samples.update(wide_hash="")
    inspect(dataset)
    assert dict(dataset.samples.values_list("pk", "wide_hash")) == before


@pytest.fixture
def old(db, state, now, monkeypatch):
    """Ten scenes and a darker copy of each, imported before there was a wide hash."""
    folder = state / "old"
    folder.mkdir()
    for number in range(10):
        scene(number).save(folder / f"{number}.png")
        scene(number).point(lambda level: level * 0.75).save(folder / f"{number} darker.png")
    dataset = Dataset.objects.create(name="Old", created_at=now)
    with monkeypatch.context() as before:
        before.setattr(duplicates, "wide_hash", lambda picture: "")
        importing.import_images(dataset, folder, now=now)
    assert len(set(dataset.samples.values_list("duplicate_group", flat=True))) == 20
    return dataset


def groups(dataset):
    found = {}
    for name, group in dataset.samples.order_by("name").values_list("name", "duplicate_group"):
        found.setdefault(group, []).append(name)
    return sorted(found.values())


def test_pictures_that_are_near_after_all_join_one_group(old, monkeypatch):
    monkeypatch.setattr(inspection, "LOT", 3)  # most pairs lie in two lots
    inspect(old)
    assert groups(old) == [[f"{number} darker.png", f"{number}.png"] for number in range(10)]
    assert inspection.leaks(old) == []


def test_groups_of_two_splits_are_never_joined_but_told_as_a_leak(old):
    test, train = old.samples.filter(name__in=["3.png", "3 darker.png"]).order_by("-name")
    old.samples.filter(pk=test.pk).update(split="test", label="x")
    inspect(old)
    assert ["3 darker.png"] in groups(old)
    assert len(groups(old)) == 11
    assert [(a, b) for a, b, _ in inspection.leaks(old)] == [(train.pk, test.pk)]


# --- leaks


def test_an_import_leaves_no_leak(dataset):
    dataset.samples.filter(name__startswith="0").update(split="test", label="x")
    assert inspection.leaks(dataset) == []


def test_a_training_picture_near_a_test_picture_is_a_leak(dataset):
    test, twin, wide, other = dataset.samples.order_by("name")[:4]
    dataset.samples.filter(pk=test.pk).update(split="test", label="x")
    near = f"{int(test.wide_hash, 16) ^ 0b111:064x}"
    dataset.samples.filter(pk=wide.pk).update(wide_hash=near)
    dataset.samples.filter(pk=twin.pk).update(duplicate_group=test.duplicate_group)
    assert inspection.leaks(dataset) == [(twin.pk, test.pk, 0), (wide.pk, test.pk, 3)]
    inspect(dataset)
    issue = PictureIssue.objects.get(kind="leak", sample=wide)
    assert "Nearly equal to the test picture 00.png (3 of 256 bits apart)" in issue.reason
    assert other.pk not in PictureIssue.objects.filter(kind="leak").values_list("sample", flat=True)


def test_what_was_set_aside_beside_a_test_picture_is_no_leak(dataset):
    """It lies in the test split without a label: it neither trains nor measures."""
    test, aside, train = dataset.samples.order_by("name")[:3]
    group = test.duplicate_group
    dataset.samples.filter(pk=test.pk).update(split="test", label="x")
    dataset.samples.filter(pk=aside.pk).update(split="test", duplicate_group=group)
    assert inspection.leaks(dataset) == []
    dataset.samples.filter(pk=test.pk).update(split="train")
    dataset.samples.filter(pk=train.pk).update(duplicate_group=group)
    assert inspection.leaks(dataset) == []


def test_no_training_picture_of_trashnet_is_near_a_test_picture(db, shared_data, state, now):
    """Every photograph that has a near-equal one by the wide hash, and as many others, through an import."""
    folder = state / "trash"
    with zipfile.ZipFile(shared_data / "trashnet-256" / "images.zip") as parcel:
        names = [name for name in parcel.namelist() if "/glass/" in name or "/plastic/" in name]
        parcel.extractall(folder, [name for name in names if name.endswith(".jpg")][::3])
    dataset = Dataset.objects.create(name="TrashNet", created_at=now)
    importing.import_images(dataset, folder, now=now, test_share=0.3)
    hashes = dict(dataset.samples.values_list("pk", "wide_hash"))
    inspect(dataset)
    assert (Sample.objects.filter(split="test").count() > 80, inspection.leaks(dataset)) == (True, [])
    assert not PictureIssue.objects.filter(kind__in=["leak", "unreadable", "blank"]).exists()
    assert hashes == dict(dataset.samples.values_list("pk", "wide_hash"))
