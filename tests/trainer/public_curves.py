"""Where the public curves lie that tests compare with; the README beside them names their sources."""

import os
from pathlib import Path

import pytest

from workbench.benchmarks.curves import public
from workbench.benchmarks.registry import NoData


def folder() -> Path:
    """Return the folder of public curves; without it the test is skipped, and fails where CI runs it."""
    try:
        return public.folder(None)
    except NoData as absent:
        pytest.fail(str(absent)) if os.environ.get("CI") else pytest.skip(str(absent))
