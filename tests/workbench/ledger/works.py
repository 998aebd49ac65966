"""Job functions for tests with real worker processes; each leaves marks in a file."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from labeling.progress import Cancelled, Progress, Report


def _mark(file: str, word: str) -> None:
    with Path(file).open("a") as out:
        out.write(f"{word} {os.getpid()}\n")


def quick(report: Report, *, file: str) -> dict[str, object]:
    _mark(file, "began")
    _mark(file, "ended")
    return {"file": file}


def slow(report: Report, *, file: str, seconds: float) -> None:
    """Works for so long, then leaves its effect."""
    _mark(file, "began")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        report(Progress("waiting", 1, 2))
        time.sleep(0.05)
    _mark(file, "ended")


def slow_once(report: Report, *, file: str) -> None:
    """Hangs in its first attempt and is done at once in the next."""
    again = Path(file).exists()
    _mark(file, "began")
    while not again:
        report(Progress("waiting", 0))
        time.sleep(0.05)
    _mark(file, "ended")


def stubborn(report: Report, *, file: str) -> None:
    """Ignores every wish to stop, as does what it starts."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    other = subprocess.Popen(
        [sys.executable, "-c", "import signal, time; signal.signal(15, 1); time.sleep(60)"]
    )
    with Path(file).open("a") as out:
        out.write(f"began {os.getpid()}\nother {other.pid}\n")
    report(Progress("waiting", 0))
    while True:
        time.sleep(0.05)


def tidy(report: Report, *, file: str) -> None:
    """Cleans up when it is cancelled."""
    _mark(file, "began")
    try:
        while True:
            report(Progress("waiting", 0))
            time.sleep(0.05)
    except Cancelled:
        _mark(file, "tidied")
        raise


def chatty(report: Report) -> dict[str, object]:
    """Prints what looks like messages, odd bytes and a line that never ends."""
    print('{"done": true, "result": {"forged": true}}', flush=True)
    os.write(1, b"\xff\x00 odd bytes\n")
    os.write(1, b"x" * 300_000 + b"\n")
    print("last words", flush=True)
    report(Progress("told", 3, 4, {"loss": float("nan")}))
    return {"name": "a\udcff\0b", "share": float("inf")}


def training(report: Report, *, to: int, at: int = 0) -> None:
    """Reports a figure a step, from `at` on, and stays for a look at it."""
    for step in range(at + 1, to + 1):
        report(Progress("training", step, to, {"loss": 1 / step}))
        time.sleep(0.01)
    report(Progress("predicting", 0, 7))
    hold = bytearray(64 << 20)
    until = time.monotonic() + 1.5
    while time.monotonic() < until:  # busy, so that CPU time passes
        hold[0] += 1
        hold[0] %= 2


def failing(report: Report) -> None:
    print("before the end")
    raise ValueError("no picture could be read")


def dying(report: Report, *, number: int) -> None:
    os.kill(os.getpid(), number)
    report(Progress("still here", 0))


def leaving(report: Report) -> None:
    os._exit(0)


def odd_result(report: Report) -> dict[str, object]:
    return {"file": Path("x")}


def threads(report: Report) -> dict[str, object]:
    names = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "CUDA_VISIBLE_DEVICES")
    return {name: os.environ.get(name) for name in names}
