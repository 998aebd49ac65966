"""Folders that the user who runs the tests may not read, root or not."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import oddities
import pytest

NOBODY = 65534


@pytest.fixture
def closed_to_us() -> Iterator[Path]:
    """A folder with a picture that may be read, one that may not, and a folder that may not."""
    folder = Path(tempfile.mkdtemp(prefix="seedbed-closed-"))  # not tmp_path: its parents are root's alone
    oddities.write(folder, {"open.png": oddities.rgb(), "closed.png": oddities.gray(), "inner/a.png": b"x"})
    folder.chmod(0o755)
    (folder / "closed.png").chmod(0)
    (folder / "inner").chmod(0)
    before = os.geteuid()
    os.seteuid(NOBODY if before == 0 else before)  # root may read everything
    yield folder
    os.seteuid(before)
    (folder / "inner").chmod(0o755)
    shutil.rmtree(folder)
