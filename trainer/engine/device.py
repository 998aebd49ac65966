"""Which device trains, in which precision; decided once per process and passed on."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Device:
    """Where tensors live and how convolutions are computed.

    On one CPU thread the same (data, recipe, seed, Device) gives the same bits on one machine and torch;
    on other processors expect rounding to differ, 1e-6 a step in fp32.  CUDA kernels may add in any order.
    """

    name: str  # as torch writes it: "cpu", "cuda:0"
    precision: str  # "fp32" or "bf16"

    @property
    def bf16(self) -> bool:
        return self.precision == "bf16"

    @property
    def gpus(self) -> int:
        return int(self.name.startswith("cuda"))

    def peak_mib(self) -> float:
        """Return the most memory that torch ever took from the GPU for this process; 0 on the CPU."""
        return torch.cuda.max_memory_reserved(self.name) / 2**20 if self.gpus else 0.0

    def describe(self) -> str:
        """Return a name for receipts, e.g. "cpu AVX2, fp32"."""
        unit = torch.cuda.get_device_name(self.name) if self.gpus else torch.backends.cpu.get_cpu_capability()
        return f"{self.name} {unit}, {self.precision}"


def pick(precision: str = "auto", *, threads: int = 1) -> Device:
    """Return the first CUDA device, else the CPU, and give this process `threads` CPU threads.

    One thread by default: with busy neighbours two were measured 8 to 10 times slower than one, because
    OpenMP's barriers spin.  Parallel work is done by processes.
    """
    torch.set_num_threads(threads)
    name = "cuda:0" if torch.cuda.is_available() else "cpu"
    if precision == "auto":
        pays = name != "cpu" or bf16_pays(torch.cpu.get_capabilities(), _convolution_s)
        precision = "bf16" if pays else "fp32"
    return Device(name, precision)


def bf16_pays(able: Mapping[str, object], clock: Callable[[bool], float]) -> bool:
    """Say whether this processor computes faster in bf16; clock(bf16) times some work.

    Without instructions for it, bf16 is emulated, 4 to 10 times slower than fp32: there the clock is not
    asked, so that no noise in it can decide.
    """
    if not any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16")):
        return False
    return clock(True) < 0.8 * clock(False)


def _convolution_s(bf16: bool) -> float:
    """Time one small convolution, forward and back; the best of three, some 20 ms together."""
    layer = nn.Conv2d(16, 32, 3, padding=1).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.zeros(64, 16, 16, 16).contiguous(memory_format=torch.channels_last)
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            layer(images).float().sum().backward()
        taken.append(time.perf_counter() - started)
    return min(taken)
