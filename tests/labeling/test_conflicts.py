"""Conflicting duplicates: the same bytes under two classes are found, named and left without a label."""

import csv
import zipfile

import pytest
from PIL import Image

from labeling import images
from labeling import labels as sheets
from labeling.models import Dataset
from labeling.services import pictures
from workbench.views.contexts import quality_pictures

KEYS = {"a/1.png": "one", "b/1.png": "one", "c/1.png": "one", "a/2.png": "two", "a/3.png": "two"}


def test_one_class_in_two_files_is_no_conflict():
    assert sheets.conflicts({"a/2.png": "two", "a/3.png": "two"}, sheets.class_folders(KEYS, []), []) == []


def test_a_class_that_is_none_makes_no_conflict():
    labels = {"a/1.png": "a", "b/1.png": "b"}
    assert sheets.conflicts(KEYS, labels, ["a"]) == []


def test_all_classes_are_named():
    ((key, said),) = sheets.conflicts(KEYS, sheets.class_folders(KEYS, []), [])
    assert (key, said) == ("one", {"a": "a/1.png", "b": "b/1.png", "c": "c/1.png"})


@pytest.mark.django_db
def test_an_import_keeps_them_for_the_page(state, now):
    folder = state / "in"
    for name in ("cat/1.png", "dog/1.png", "cat/2.png", "dog/3.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (10 * int(name[4]), 0, 0)).save(folder / name)
    dataset = Dataset.objects.create(name="Pets", created_at=now)
    for _ in range(2):  # the same folder twice tells the same conflict once
        pictures.import_images(dataset, folder, now=now)
    (found,) = quality_pictures.conflicts(dataset)
    assert (found.said, found.label) == ((("cat", "cat/1.png"), ("dog", "dog/1.png")), "")
    dataset.samples.filter(pk=found.sample).update(label="dog")
    lines = list(quality_pictures.conflict_table(dataset))
    assert lines[1:] == [(found.sample, "cat", "cat/1.png", "dog"), (found.sample, "dog", "dog/1.png", "dog")]


@pytest.mark.django_db
def test_a_later_import_that_says_otherwise_is_a_conflict(state, now):
    first, second = state / "first", state / "second"
    for folder, name, shade in ((first, "cat/1.png", 9), (first, "dog/2.png", 5), (second, "dog/new.png", 9)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (shade, 0, 0)).save(folder / name)
    Image.new("RGB", (20, 20), (5, 0, 0)).save(second / "dog" / "same.png")
    dataset = Dataset.objects.create(name="Pets", created_at=now)
    pictures.import_images(dataset, first, now=now)
    assert quality_pictures.conflicts(dataset) == ()
    for _ in range(2):
        pictures.import_images(dataset, second, now=now)
    (found,) = quality_pictures.conflicts(dataset)
    assert (found.said, found.label) == ((("cat", "cat/1.png"), ("dog", "dog/new.png")), "cat")


def test_the_three_of_trashnet_are_found_and_named(shared_data):
    folder = shared_data / "trashnet-256"
    with open(folder / "labels.csv", newline="") as table:
        labels = {row["file"]: row["label"] for row in csv.DictReader(table)}
    with zipfile.ZipFile(folder / "images.zip") as parcel:
        keys = {file: images.key_of(parcel.read(file)) for file in labels}
    found = sheets.conflicts(keys, labels, [])
    assert (len(labels), len(set(keys.values()))) == (2527, 2524)
    assert sorted(sorted(one.said.values()) for one in found) == [
        ["images/glass/glass115.jpg", "images/metal/metal91.jpg"],
        ["images/glass/glass176.jpg", "images/plastic/plastic152.jpg"],
        ["images/glass/glass389.jpg", "images/plastic/plastic332.jpg"],
    ]
