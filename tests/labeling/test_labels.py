import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling import labels
from labeling.folders import Refusal


def sheet(tmp_path, raw: bytes) -> labels.Labels:
    (tmp_path / "labels.csv").write_bytes(raw)
    return labels.read_labels(tmp_path / "labels.csv")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"name,class\na.png,cat\n",
        b"a.png,cat\n",
        b"file\na.png\n",
        b"\xff\xfef\0i\0l\0e\0",
        b"\x89PNG\r\n",
    ],
)
def test_without_the_two_columns_no_label_is_taken(tmp_path, raw):
    read = sheet(tmp_path, raw)
    assert read == {}
    assert [(file, "columns" in reason) for file, reason in read.refused] == [("labels.csv", True)]


def test_a_csv_that_is_not_there_is_listed(tmp_path):
    assert "No such file" in labels.read_labels(tmp_path / "labels.csv").refused[0].reason


def test_rows_at_odds_give_no_label_and_are_listed(tmp_path):
    read = sheet(tmp_path, b"file,label\na.png,cat\nb.png,dog\na.png,dog\n")
    assert read == {"a.png": "", "b.png": "dog"}
    assert read.refused == [Refusal("a.png", 'Line 4 says "dog", an earlier line "cat": neither was taken.')]


def test_rows_that_repeat_are_one(tmp_path):
    read = sheet(tmp_path, b"file,label\na.png,cat\na.png,cat\n")
    assert (read, read.refused) == ({"a.png": "cat"}, [])


def test_a_row_without_a_file_is_listed(tmp_path):
    read = sheet(tmp_path, b"file,label\n,cat\n")
    assert (read, read.refused) == ({}, [Refusal("labels.csv", "Line 2 names no file.")])


def test_rows_above_damage_count(tmp_path):
    read = sheet(tmp_path, b"file,label\na.png,cat\nb.png," + b"x" * 200_000 + b"\n")
    assert read == {"a.png": "cat"}
    assert "damaged" in read.refused[0].reason


@pytest.mark.parametrize(
    "raw",
    [
        b"file,label\na.png,cat\n",
        b"\xef\xbb\xbffile,label\na.png,cat\n",
        b"file,label\r\na.png,cat\r\n",
        b"file;label\na.png;cat\n",
        b"file\tlabel\na.png\tcat",
        b'"file","label"\n"a.png","cat"\n',
        b" File , Label \na.png, cat \n",
        b"label,source,file\ncat,web,a.png\n",
        b"file,label\na.png,cat,more,and more\n",
    ],
)
def test_the_usual_ways_of_writing_a_csv_are_read(tmp_path, raw):
    read = sheet(tmp_path, raw)
    assert (read, read.refused) == ({"a.png": "cat"}, [])


def test_a_short_row_is_a_file_without_a_label(tmp_path):
    assert sheet(tmp_path, b"file,label\na.png\n") == {"a.png": ""}


def test_names_that_are_no_utf8_still_match(tmp_path):
    assert sheet(tmp_path, b"file,label\ncaf\xe9.png,cat\n") == {r"caf\xe9.png": "cat"}


@pytest.mark.parametrize("written", ["cats/a.png", "./cats/a.png", "cats\\a.png", "cats//a.png"])
def test_a_file_is_found_however_its_path_is_written(written):
    assert labels.match({written: "cat"}, ["cats/a.png"]) == ({"cats/a.png": "cat"}, [])


def test_a_backslash_in_a_real_name_is_no_folder():
    assert labels.match({r"caf\xe9.png": "cat"}, [r"caf\xe9.png", "caf/xe9.png"])[0] == {
        r"caf\xe9.png": "cat"
    }


def test_what_names_no_file_is_told():
    assert labels.match({"../a.png": "cat", "/a.png": "cat"}, ["a.png"]) == ({}, ["../a.png", "/a.png"])


@pytest.mark.parametrize(
    ("names", "classes", "found"),
    [
        (["a.png", "b.png"], [], {}),
        (["cat/1.png", "cat/2.png"], [], {}),  # one folder tells nothing
        (["train/1.png", "test/2.png"], [], {}),  # splits are no classes
        (["cat/1.png", "dog/2.png", "3.png"], [], {"cat/1.png": "cat", "dog/2.png": "dog"}),
        (["cat/1.png", "dog/x/y/2.png"], [], {"cat/1.png": "cat", "dog/x/y/2.png": "dog"}),
        (
            ["images/cat/1.png", "images/dog/2.png"],
            [],
            {"images/cat/1.png": "cat", "images/dog/2.png": "dog"},
        ),
        (["train/cat/1.png", "test/dog/2.png"], [], {"train/cat/1.png": "cat", "test/dog/2.png": "dog"}),
        (["cat/1.png"], ["cat", "dog"], {"cat/1.png": "cat"}),
        (
            ["cat/monday/1.png", "cat/friday/2.png"],
            ["cat"],
            {"cat/monday/1.png": "cat", "cat/friday/2.png": "cat"},
        ),
        ([], [], {}),
    ],
)
def test_class_folders(names, classes, found):
    assert labels.class_folders(names, classes) == found


@pytest.mark.parametrize("label", ["bird", "x" * 101, "cat\x00", "cat\ndog", "\u202ecat"])
def test_labels_that_cannot_be_a_class_are_told(label):
    given, remarks = labels.settle({"a.png": "k"}, {"a.png": label}, ["cat"])
    assert (given, [file for file, _ in remarks]) == ({}, ["a.png"])


@pytest.mark.parametrize("label", ["x" * 101, "cat\x00"])
def test_without_classes_too_a_class_needs_a_name_that_can_be_shown(label):
    assert labels.settle({"a.png": "k"}, {"a.png": label}, [])[0] == {}


def test_one_picture_in_two_classes_gets_neither_and_both_files_are_told():
    keys = {"cat/a.png": "k", "dog/b.png": "k", "dog/c.png": "m"}
    given, remarks = labels.settle(keys, {name: name[:3] for name in keys}, [])
    assert given == {"m": "dog"}
    assert [file for file, _ in remarks] == ["cat/a.png", "dog/b.png"]
    assert '"cat" (cat/a.png), "dog" (dog/b.png)' in remarks[0].reason


def test_one_picture_under_two_names_of_one_class_is_labeled():
    assert labels.settle({"a": "k", "b": "k"}, {"a": "cat", "b": "cat"}, []) == ({"k": "cat"}, [])


def test_labels_of_files_that_were_not_taken_count_for_nothing():
    assert labels.settle({}, {"broken.png": "cat"}, []) == ({}, [])


@given(
    st.dictionaries(
        st.sampled_from("abcdef"), st.tuples(st.sampled_from("kmn"), st.sampled_from(["", "cat", "dog"]))
    )
)
def test_every_label_is_taken_or_its_conflict_told(world):
    keys = {file: key for file, (key, _) in world.items()}
    given_labels, remarks = labels.settle(keys, {file: label for file, (_, label) in world.items()}, [])
    said = {key: {label for k, label in world.values() if k == key and label} for key in keys.values()}
    assert given_labels == {key: min(labels_) for key, labels_ in said.items() if len(labels_) == 1}
    assert {keys[file] for file, _ in remarks} == {key for key, labels_ in said.items() if len(labels_) > 1}
