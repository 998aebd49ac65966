"""Both ways of taking annotations, each in processes and on databases of their own."""

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from workbench.benchmarks.registry import Outcome, Side

ROOT = Path(__file__).resolve().parents[3]
TASKS, PART = 100_000, 4_000
REPEATS = 3
SETTINGS = {"DJANGO_SETTINGS_MODULE": "workbench.settings", "OMP_NUM_THREADS": "1"}


@functools.cache
def measured() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return what ours, of all tasks, and the peer, of a part of them, took: one pair a repeat."""
    return [(_run("ours", TASKS), _run("peer", PART)) for _ in range(REPEATS)]


def outcome(name: str) -> Outcome:
    """Compare the sides at one of their stages; what the peer did in part is told in whole."""
    pairs = measured()
    scale = TASKS / PART
    equal = [ours[name]["digest"] == peer[name]["digest"] for ours, peer in pairs]
    return Outcome(
        Side("seedbed", *_times([ours[name] for ours, _ in pairs], 1.0)),
        Side(
            f"update_or_create, {PART:,} tasks x {scale:g}", *_times([peer[name] for _, peer in pairs], scale)
        ),
        gate=all(equal),
        because=f"annotations and history of {PART:,} tasks are equal in {sum(equal)} of {len(equal)}",
        counts="cpu",
    )


def _run(side: str, count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="seedbed-bench-") as folder:
        command = [sys.executable, "-m", "workbench.benchmarks.sync.services", side, str(count), str(PART)]
        own = {**os.environ, **SETTINGS, "SEEDBED_STATE": folder, "DATABASE_URL": ""}  # SQLite, always
        done = subprocess.run(command, cwd=ROOT, env=own, check=True, stdout=subprocess.PIPE)
    return dict(json.loads(done.stdout))


def _times(stages: list[dict[str, Any]], scale: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    walls, cpus = ([stage[name] * scale for stage in stages] for name in ("wall_s", "cpu_s"))
    return tuple(walls), tuple(cpus)
