"""Real worker processes on the database of the test."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from tests.leash import leashed

ROOT = Path(__file__).resolve().parents[2]
LEASE_S = 2.0


def environment(**extra: str) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.workbench.ledger.settings",
        "PYTHONPATH": str(ROOT),
        "SEEDBED_TEST_DATABASE": str(connection.settings_dict["NAME"]),
        "SEEDBED_LEASE_SECONDS": str(LEASE_S),
        "SEEDBED_SYNC_SECONDS": "3600",
        **extra,
    }


@contextmanager
def command(*argv: str, **extra: str) -> Iterator[subprocess.Popen[str]]:
    """`manage.py argv` beside the test; gone afterwards."""
    process = subprocess.Popen(
        leashed(sys.executable, str(ROOT / "manage.py"), *argv),
        env=environment(**extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        print(*argv, process.communicate(timeout=60)[0], sep="\n")  # pytest shows it where a test fails


def wait_for(what: Callable[[], object], seconds: float = 60.0) -> float:
    """Return after how many seconds it became true; fail when it does not."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, "it did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - began


def words(file: Path) -> list[str]:
    """The first words of the marks that job functions left."""
    return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []


def pids(file: Path) -> list[int]:
    return [int(line.split()[1]) for line in file.read_text().splitlines()]


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def kill(*victims: int) -> None:
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
