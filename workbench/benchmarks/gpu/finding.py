"""What a survey finds: a figure beside the one that was predicted, and how long work takes on a device."""

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import torch

WARM = 2  # calls before the clock starts: kernels are chosen and memory is taken then


class Finding(NamedTuple):
    """`measured` is None where the device cannot do it; the note then says why."""

    what: str
    unit: str
    measured: float | None
    predicted: float | None = None
    note: str = ""

    def told(self) -> str:
        """Return one line for a person."""
        if self.measured is None:
            return f"{self.what}: not measured, {self.note}"
        said = "" if self.predicted is None else f"predicted {self.predicted:.3g}, "
        note = f" ({self.note})" if self.note else ""
        return f"{self.what}: {said}measured {self.measured:.3g} {self.unit}{note}"


def only_cuda(what: str, unit: str) -> Finding:
    return Finding(what, unit, None, note="only a CUDA device can do it")


def seconds(device: str, work: Callable[[], object], *, calls: int = 1, repeats: int = 5) -> float:
    """Return what one call takes: the median over `repeats` rounds of `calls` calls."""
    for _ in range(WARM):
        work()
    return statistics.median(_round(device, work, calls) for _ in range(repeats)) / calls


def wait(device: str) -> None:
    """Return when the device has done all that it was told to do."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def _round(device: str, work: Callable[[], object], calls: int) -> float:
    wait(device)
    started = time.perf_counter()
    for _ in range(calls):
        work()
    wait(device)
    return time.perf_counter() - started
