"""Where the demo's pictures come from: the built-in digits, or a folder of the user's own."""

import contextlib
import hashlib
from collections.abc import Mapping
from pathlib import Path

from labeling import labels
from labeling.folders import find_files
from labeling.jobs import LABELS_FILE
from workbench.management.story import CannotTell, Pictures

OWN_NOTE = (
    "Your own pictures. The labels that came with them grade the test split; the rest were labeled anew by "
    "simulated annotators, to show the loop."
)


def digits(state: Path) -> Pictures:
    from workbench.demo import digits  # brings scikit-learn; only this command needs it

    folder = state / "demo" / "digits"
    table = digits.write(folder)
    return Pictures(
        title="Handwritten digits",
        folder=folder,
        truths=_by_key(dict(find_files(folder).files), labels.read_labels(table)),
        labels_csv=table,
        note=digits.RULE,
        policy="gentle",
    )


def own(folder: Path) -> Pictures:
    """Take class folders, or a flat folder with a labels.csv in it."""
    if not folder.is_dir():
        raise CannotTell(f"--images {folder}: there is no such folder.")
    files = dict(find_files(folder).files)
    table = folder / LABELS_FILE
    if table.is_file():
        given, _ = labels.match(labels.read_labels(table), files)
    else:
        given = labels.class_folders(files, ())
    found = len(set(given.values()) - {""})
    if found < 2:
        raise CannotTell(
            f"--images {folder}: found {found} classes, two are needed. Use one subfolder a class, or a flat "
            f"folder with a {LABELS_FILE} whose header is file,label."
        )
    return Pictures(
        title=folder.name[:40].ljust(3, "_"),
        folder=folder,
        truths=_by_key(files, given),
        labels_csv=table if table.is_file() else None,
        note=OWN_NOTE,
        policy="photo",
    )


def _by_key(files: Mapping[str, Path], given: Mapping[str, str]) -> dict[str, str]:
    """Return the class by content key; unreadable files are the import's to report."""
    found = {}
    for name, label in given.items():
        with contextlib.suppress(OSError):
            found[hashlib.sha256(files[name].read_bytes()).hexdigest()] = label
    return found
