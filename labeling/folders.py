"""Folders of pictures: which files they hold, and which of them are left out.

A file is called by its path below the folder, with "/" between the parts; bytes that are no UTF-8 are
written as \\xNN.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Refusal(NamedTuple):
    """A file, folder or row that was not used, and why: a sentence for a person."""

    file: str
    reason: str


@dataclass(frozen=True)
class Found:
    """What a walk through a folder met; each entry is in one of the two lists, in order of name."""

    files: list[tuple[str, Path]]  # (name, where it lies)
    refused: list[Refusal]


def find_files(folder: Path) -> Found:
    """Return every file below the folder, and everything that was left out with the reason.

    Links are followed to files inside the folder only, and never to folders: no loop, no way out.
    """
    root = os.path.realpath(folder)
    found = Found([], [])
    waiting = [root]
    while waiting:
        here = waiting.pop()
        try:
            entries = list(os.scandir(here))
        except OSError as error:
            found.refused.append(
                Refusal(shown(os.path.relpath(here, root)), f"The folder cannot be read: {error.strerror}.")
            )
            continue
        for entry in entries:
            waiting.extend(_sort_in(entry, root, found))
    found.files.sort()
    found.refused.sort()
    return found


def _sort_in(entry: os.DirEntry[str], root: str, found: Found) -> Iterator[str]:
    """Put one entry where it belongs; yields it where it is a folder to look into."""
    name = shown(os.path.relpath(entry.path, root))
    try:
        reason = _why_not(entry, root)
        if reason:
            found.refused.append(Refusal(name, reason))
        elif entry.is_dir(follow_symlinks=False):
            yield entry.path
        else:
            found.files.append((name, Path(entry.path)))
    except OSError as error:
        found.refused.append(Refusal(name, f"It cannot be read: {error.strerror}."))


def _why_not(entry: os.DirEntry[str], root: str) -> str:
    if entry.name.startswith("."):
        return "Hidden: its name begins with a dot."
    mode = os.stat(entry.path).st_mode  # raises OSError for links to nothing and links in a ring
    if entry.is_symlink() and not os.path.realpath(entry.path).startswith(root + os.sep):
        return "A link that leads out of the folder."
    if entry.is_symlink() and stat.S_ISDIR(mode):
        return "A link to a folder: what it holds is taken where it really lies."
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        return "Neither a file nor a folder."
    return ""


def shown(path: str) -> str:
    """Return a path as it can be stored and shown."""
    return os.fsencode(path).decode("utf-8", errors="backslashreplace")
