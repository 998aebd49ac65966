"""Folders that the user who runs the tests may not read, root or not; rows that other processes can see."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import oddities
import pytest
from django.db import connection

from labeling.models import Dataset

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


@pytest.fixture
def committed(
    django_db_setup: None, django_db_blocker: object, state: Path, now: datetime
) -> Iterator[Dataset]:
    """A dataset really committed, and gone afterwards with all that hangs on it."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        dataset = Dataset.objects.create(name="committed", classes=["circle", "square"], created_at=now)
        yield dataset
        dataset.delete()
        connection.close()
