"""Where the demo's pictures come from: the built-in digits, or a folder of the user's own."""

import hashlib
from pathlib import Path

from labeling.services import pictures
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
        truths=_by_key(folder, pictures.read_labels(table)),
        labels_csv=table,
        note=digits.RULE,
        policy="gentle",
    )


def own(folder: Path) -> Pictures:
    """Take class folders, or a flat folder with a labels.csv in it."""
    if not folder.is_dir():
        raise CannotTell(f"--images {folder}: there is no such folder.")
    table = folder / "labels.csv"
    labels = pictures.read_labels(table) if table.exists() else _class_folders(folder)
    found = len(set(labels.values()))
    if found < 2:
        raise CannotTell(
            f"--images {folder}: found {found} classes, two are needed. Use one subfolder a class, or a flat "
            "folder with a labels.csv whose header is file,label."
        )
    return Pictures(
        title=(folder.name or "Own pictures")[:40].ljust(3, "_"),
        folder=folder,
        truths=_by_key(folder, labels),
        labels_csv=table if table.exists() else None,
        note=OWN_NOTE,
        policy="photo",
    )


def _class_folders(folder: Path) -> dict[str, str]:
    inside = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path): path.parts[0] for path in inside if len(path.parts) > 1}


def _by_key(folder: Path, labels: dict[str, str]) -> dict[str, str]:
    found = {}
    for name, label in labels.items():
        path = folder / name
        if path.is_file():
            found[hashlib.sha256(path.read_bytes()).hexdigest()] = label
    return found
