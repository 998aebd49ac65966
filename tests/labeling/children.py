"""Python code in processes beside the test, on the database of the test."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

ROOT = Path(__file__).parents[2]


@contextmanager
def child(code: str, state: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run code after django.setup(); gone afterwards."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.child_settings",
        "SEEDBED_TEST_DATABASE": str(connection.settings_dict["NAME"]),
        "SEEDBED_STATE": str(state),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", f"import django; django.setup()\n{code}", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        process.kill()
