r"""Labels that come with the pictures: from a CSV or from class folders.

Bytes of a CSV that are no UTF-8 are read as \xNN, as labeling.folders writes them in file names, so that odd
names still match.
"""

import csv
import io
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from labeling.folders import Refusal

MAX_LENGTH = 100  # letters of a class name, as the database keeps it
SPLIT_FOLDERS = {"train", "training", "val", "valid", "validation", "test", "testing"}  # never class names


class Labels(dict[str, str]):
    """Class by file name, as a CSV gives them; "" is no label."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path  # of the CSV
        self.refused: list[Refusal] = []  # the CSV itself or rows of it


def read_labels(csv_path: Path) -> Labels:
    """Return the labels of a CSV with the columns `file` (path below the folder) and `label`.

    Comma, semicolon or tab separate; a byte-order mark, CRLF and further columns do no harm.  What could not
    be used stands in `refused`; nothing is raised.
    """
    labels = Labels(csv_path)
    try:
        text = csv_path.read_bytes().decode("utf-8-sig", errors="backslashreplace")
        _take_rows(text, labels)
    except OSError as error:
        labels.refused.append(Refusal(labels.path.name, f"The CSV cannot be read: {error.strerror}."))
    except csv.Error as error:
        labels.refused.append(Refusal(labels.path.name, f"The CSV is damaged; rows below are lost: {error}."))
    return labels


def match(labels: Mapping[str, str], names: Collection[str]) -> tuple[dict[str, str], list[str]]:
    """Return labels by the folder's own names, and the entries that name no file there.

    "./a.png" and "cats\\a.png" mean "a.png" and "cats/a.png" where no file is called so.
    """
    known = set(names)
    matched, missing = {}, []
    for file, label in labels.items():
        name = file if file in known else os.path.normpath(file.replace("\\", "/"))
        if name in known:
            matched[name] = label
        else:
            missing.append(file)
    return matched, missing


def class_folders(names: Iterable[str], classes: Collection[str]) -> dict[str, str]:
    """Return each picture's class: the first folder of its path in which the paths differ.

    So images/cat/1.png and images/dog/2.png are a cat and a dog.  Folders named after splits (train, test)
    are stepped through.  One single folder is a class only where the dataset has that class already.
    """
    paths = {name: PurePosixPath(name).parent.parts for name in names}
    depth = 0
    while True:
        heads = {path[depth] for path in paths.values() if len(path) > depth}
        telling = (len(heads) > 1 or heads <= set(classes)) and not heads <= SPLIT_FOLDERS
        if telling or not heads:
            return {name: path[depth] for name, path in paths.items() if len(path) > depth}
        depth += 1


def split_folders(labels: Mapping[str, str]) -> list[Refusal]:
    """Return a remark on each folder that is named after a split and was stepped through for its classes."""
    tops = {PurePosixPath(name).parts[0] for name in labels} - set(labels.values())
    return [
        Refusal(top, "Named after a split: its pictures were taken, but the split is drawn here.")
        for top in sorted(tops & SPLIT_FOLDERS)
    ]


class Conflict(NamedTuple):
    """One picture that stands in two files or more under different classes."""

    key: str  # content key
    said: dict[str, str]  # class -> the first file that says so


def settle(
    keys: Mapping[str, str], labels: Mapping[str, str], classes: Collection[str]
) -> tuple[dict[str, str], list[Refusal]]:
    """Return the label of each content key, and the files whose label could not be taken.

    `keys` tells each taken file's content key, `labels` its class.  With `classes`, no other class is taken;
    without any, the labels define them.  A picture that bears two names and two classes gets neither.
    """
    remarks = [
        Refusal(file, reason)
        for file, label in sorted(labels.items())
        if (reason := _why_not(label, classes))
    ]
    given = _given(keys, labels, classes)
    for conflict in conflicts(keys, labels, classes):
        names = ", ".join(f'"{label}" ({file})' for label, file in conflict.said.items())
        reason = f"The same picture is given as {names}: taken once, without a label."
        remarks.extend(Refusal(file, reason) for file in conflict.said.values())
    return {key: next(iter(said)) for key, said in given.items() if len(said) == 1}, remarks


def conflicts(keys: Mapping[str, str], labels: Mapping[str, str], classes: Collection[str]) -> list[Conflict]:
    """Return the pictures that the labels give two classes or more; the arguments are those of `settle`."""
    given = _given(keys, labels, classes)
    return [Conflict(key, said) for key, said in given.items() if len(said) > 1]


def _given(
    keys: Mapping[str, str], labels: Mapping[str, str], classes: Collection[str]
) -> dict[str, dict[str, str]]:
    """Return what is said of each content key: label -> the first file that says so."""
    given: dict[str, dict[str, str]] = defaultdict(dict)
    for file, label in sorted(labels.items()):
        if label and file in keys and not _why_not(label, classes):
            given[keys[file]].setdefault(label, file)
    return given


def _why_not(label: str, classes: Collection[str]) -> str:
    if not label.isprintable():
        return "Its class name holds characters that cannot be shown: taken without a label."
    if len(label) > MAX_LENGTH:
        return f"Its class name is longer than {MAX_LENGTH} letters: taken without a label."
    if classes and label and label not in classes:
        return f'"{label}" is no class of this dataset: taken without a label.'
    return ""


def _take_rows(text: str, labels: Labels) -> None:
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    rows.fieldnames = [column.strip().lower() for column in rows.fieldnames or []]
    if not {"file", "label"} <= set(rows.fieldnames):
        labels.refused.append(
            Refusal(labels.path.name, 'Its first line must name the columns "file" and "label".')
        )
        return
    for row in rows:
        _take_row(row["file"] or "", (row["label"] or "").strip(), rows.line_num, labels)


def _take_row(file: str, label: str, line: int, labels: Labels) -> None:
    if not file:
        labels.refused.append(Refusal(labels.path.name, f"Line {line} names no file."))
    elif labels.setdefault(file, label) != label:
        labels.refused.append(
            Refusal(file, f'Line {line} says "{label}", an earlier line "{labels[file]}": neither was taken.')
        )
        labels[file] = ""
