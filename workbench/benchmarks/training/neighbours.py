"""What a training costs where other processes keep all cores busy."""

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from workbench import tied
from workbench.benchmarks.registry import Outcome, Side, benchmark
from workbench.threads import THREADS

STEPS, NEIGHBOURS, REPEATS = 150, 4, 5
MOST = 1.5  # times the processor time that the same job takes alone
JOB = "workbench.benchmarks.training.short_job"


class Took(NamedTuple):
    wall_s: float
    cpu_s: float
    loss: float


@benchmark(target=3.0)
def neighbours() -> Outcome:
    """The peer is the same training with the libraries' own settings: a thread a core, waiting by spinning.

    Ours runs as the ledger starts every job: one thread, passive waiting.  Beside both, four processes
    compute without end.  Loading the libraries is not counted.
    The gate: ours takes at most 1.5 times the processor time that it takes alone, in the median of the pairs,
    and comes to the same loss.  It takes six minutes on two cores, most of it the peer's.
    """
    alone: list[Took] = []
    ours: list[Took] = []
    peer: list[Took] = []
    for repeat in range(REPEATS):
        alone.append(_train(THREADS))
        with _busy(NEIGHBOURS):
            for side, settings in ((ours, THREADS), (peer, {}))[:: 1 if repeat % 2 == 0 else -1]:
                side.append(_train(settings))
    return Outcome(
        _side("seedbed", ours),
        _side("library defaults", peer),
        gate=holds(ours, alone),
        because=_told(ours, peer, alone),
        counts="cpu",
    )


def holds(busy: list[Took], alone: list[Took]) -> bool:
    """Say whether the job costs at most MOST times as much as alone, and comes to the same."""
    return _times(busy, alone) <= MOST and {one.loss for one in busy} == {one.loss for one in alone}


def _train(settings: Mapping[str, str]) -> Took:
    kept = {name: value for name, value in os.environ.items() if name not in THREADS}
    done = subprocess.run(
        [sys.executable, "-m", JOB, str(STEPS)],
        env={**kept, **settings, "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.PIPE,
        check=True,
    )
    return Took(**json.loads(done.stdout))


@contextlib.contextmanager
def _busy(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Keep so many processes computing meanwhile."""
    spinning = [
        tied.start([sys.executable, "-c", "while True: pass"], on_death=signal.SIGKILL) for _ in range(count)
    ]
    try:
        yield spinning
    finally:
        for process in spinning:
            tied.signal_group(process, signal.SIGKILL)
            process.communicate()


def _side(name: str, took: list[Took]) -> Side:
    return Side(name, tuple(one.wall_s for one in took), tuple(one.cpu_s for one in took))


def _times(busy: list[Took], alone: list[Took]) -> float:
    return statistics.median(one.cpu_s / other.cpu_s for one, other in zip(busy, alone, strict=True))


def _told(ours: list[Took], peer: list[Took], alone: list[Took]) -> str:
    quiet = statistics.median(one.cpu_s for one in alone)
    return (
        f"ours takes {_times(ours, alone):.2f} times the {quiet:.2f} CPU-s"
        f" that it takes alone, library defaults {_times(peer, alone):.2f} times"
    )
