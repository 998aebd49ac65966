"""How the suite runs in several processes: files stay whole, and those that lean on one thing stay together.

`--dist loadfile` asks for it, which `manage.py test` does.
"""

from __future__ import annotations

from fnmatch import fnmatch
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xdist.scheduler import LoadFileScheduling

NEIGHBORS = {  # files that run one after the other, in one process
    "the one Label Studio": (
        "tests/labeling/test_label_studio_*.py",
        "tests/test_path_of_one_sample.py",
        "tests/workbench/test_upkeep.py",
    ),
    "the one web process": ("tests/workbench/test_browser*.py", "tests/workbench/test_web_process.py"),
    "processes on the clock": (
        "tests/workbench/ledger/test_ledger_*.py",
        "tests/workbench/test_bench.py",
        "tests/workbench/test_household.py",
        "tests/workbench/test_supervisor.py",
    ),
}
STARTED_ONCE = {"label_studio": "the one Label Studio", "served": "the one web process"}  # by fixture


def together(nodeid: str) -> str:
    """Return what the tests of one process have in common: their neighbors' name, else their file."""
    file = nodeid.split("::", 1)[0]
    found = (name for name, files in NEIGHBORS.items() if any(fnmatch(file, one) for one in files))
    return next(found, file)


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist there is nothing to share out
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling | None:
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Neighborly(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return together(nodeid)

    return Neighborly(config, log)  # type: ignore[arg-type]
