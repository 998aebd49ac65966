"""What becomes of a test that never ends: pytest is run on one, in a process of its own."""

import subprocess
import sys

from tests.workbench.processes import ROOT

HANGING = """
import threading, pytest
from tests import time_limit
time_limit.LIMIT_S = 1

@pytest.fixture
def cleaned():
    yield
    print("cleaned up")

def test_hangs(cleaned):
    try:
        threading.Event().wait()
    except Exception:
        print("swallowed")

def test_goes_on():
    pass
"""


def test_a_hanging_test_fails_cleans_up_and_the_next_one_runs(tmp_path):
    file = tmp_path / "test_hanging.py"
    file.write_text(HANGING)
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.time_limit",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:django",
    ]
    told = subprocess.run(
        [*argv, "-c", "/dev/null", "--rootdir", str(tmp_path), str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    assert "It did not end within 1 s." in told
    assert "cleaned up" in told
    assert "swallowed" not in told
    assert "1 failed, 1 passed" in told
