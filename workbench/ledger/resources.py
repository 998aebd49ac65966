"""What a job uses, as the kernel counts it, and how fast it goes.  Linux only: it reads /proc."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")  # of the kernel's clock in a second
POINTS = 8  # reports that the pace is taken from: it follows a change, and does not jump


class Use(NamedTuple):
    """CPU time since the start, memory now, and the most memory that each process held, added up."""

    cpu_s: float
    rss_mib: float
    peak_mib: float


class Point(NamedTuple):
    at: float  # seconds of a clock
    stage: str
    done: int
    total: int | None


def of_tree(pid: int) -> Use | None:
    """Return what a process and all that it started use; None when it is gone."""
    own = _of_process(pid)
    if own is None:
        return None
    started = filter(None, (of_tree(child) for child in _children(pid)))
    return Use(*(sum(values) for values in zip(own, *started, strict=True)))


def gpu_mib() -> float | None:
    """Return the most GPU memory that torch held for this process; None where it uses no GPU."""
    torch = sys.modules.get("torch")  # never loaded for this: most work needs none
    if torch is None or not torch.cuda.is_initialized():
        return None
    return round(float(torch.cuda.max_memory_allocated()) / 2**20, 1)


class Pace:
    """How fast the present stage of a job goes, by its last reports."""

    def __init__(self) -> None:
        self._points: deque[Point] = deque(maxlen=POINTS)

    def note(self, progress: Mapping[str, object], at: float) -> None:
        """Take in a report that came at this second."""
        point = Point(at, str(progress["stage"]), int(str(progress["done"])), _number(progress.get("total")))
        last = self._points[-1] if self._points else point
        if (point.stage, point.total) != (last.stage, last.total) or point.done < last.done:
            self._points.clear()
        self._points.append(point)

    def per_s(self) -> float | None:
        """Return the steps a second; None before two reports of the stage differ."""
        if not self._points:
            return None
        first, last = self._points[0], self._points[-1]
        if last.done == first.done or last.at <= first.at:
            return None
        return (last.done - first.done) / (last.at - first.at)

    def left_s(self, now: float) -> float | None:
        """Return how many seconds the stage still takes at this pace; None where nobody knows."""
        pace = self.per_s()
        last = self._points[-1] if self._points else None
        if pace is None or last is None or last.total is None:
            return None
        return max(0.0, (last.total - last.done) / pace - (now - last.at))


def _number(value: object) -> int | None:
    return None if value is None else int(str(value))


def _of_process(pid: int) -> Use | None:
    try:
        counted = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    memory = {
        name: int(rest.split()[0])
        for name, _, rest in (line.partition(":") for line in lines[:40])
        if name in ("VmRSS", "VmHWM")
    }
    cpu = sum(int(ticks) for ticks in counted[11:15])  # its own, and of children that have ended
    return Use(cpu / TICKS, memory.get("VmRSS", 0) / 1024, memory.get("VmHWM", 0) / 1024)


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
