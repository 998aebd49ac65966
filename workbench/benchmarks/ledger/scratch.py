"""A ledger in a folder of its own, with the processes that work on it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

ROOT = Path(__file__).resolve().parents[3]
RACER = [sys.executable, "-m", "workbench.benchmarks.ledger.racer"]


class Race(TypedDict):
    """What one process did in a race: see racer.py."""

    claims: list[str]
    errors: int
    began: float  # CLOCK_MONOTONIC: the same for all processes of a machine
    ended: float
    cpu_s: float


def environment(folder: Path, **extra: str) -> dict[str, str]:
    """SQLite in the folder, whatever database this process uses."""
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    own = {"SEEDBED_STATE": str(folder), "DJANGO_SETTINGS_MODULE": "workbench.benchmarks.ledger.settings"}
    return {**inherited, **own, **extra}


def prepare(env: dict[str, str], verb: str, argument: object) -> None:
    """Change the ledger before a measurement: see racer.py."""
    subprocess.run([*RACER, verb, str(argument)], cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)


def race(env: dict[str, str], processes: int) -> list[Race]:
    """Let so many processes empty the ledger at the same time."""
    racers = [
        subprocess.Popen(
            [*RACER, "empty", f"racer-{number}"],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    for racer in racers:
        racer.stdout.readline()  # type: ignore[union-attr]  # "ready"
    for racer in racers:
        racer.stdin.write("go\n")  # type: ignore[union-attr]
        racer.stdin.flush()  # type: ignore[union-attr]
    return [json.loads(racer.communicate()[0]) for racer in racers]


def cpu_s(process: subprocess.Popen[bytes]) -> float:
    """Processor time that a running process has used so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def commands(env: dict[str, str], *lines: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run `manage.py LINE` for each line; all are gone afterwards."""
    running = [
        subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), *line.split()],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for line in lines
    ]
    try:
        yield running
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()
