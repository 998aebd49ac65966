"""Files that get their name whole or not at all.

Light: the standard library only.
"""

import errno
import os
from pathlib import Path

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})  # the disk, the quota, the largest allowed file


class NoRoom(Exception):
    """A file could not be written whole; the message says to a person what to do."""


def write(path: Path, data: bytes) -> None:
    """Write a file that has its name only once all its bytes lie on the disk; its folder is made.

    Raises NoRoom where the disk is full; nothing is left behind then.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(draft, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(draft, path)
        _keep_names(path.parent)
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise NoRoom(
            f"The disk is full: {path.name} ({len(data) / 2**20:.1f} MiB) could not be written whole."
            " Free some room there, then start it again."
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def _keep_names(folder: Path) -> None:
    """Make new names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
