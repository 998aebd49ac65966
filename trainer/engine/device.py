"""Which device trains, in which precision; decided once per process and passed on."""

import time
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

    def describe(self) -> str:
        """Return a name for receipts, e.g. "cpu AVX2, fp32"."""
        cuda = self.name.startswith("cuda")
        unit = torch.cuda.get_device_name(self.name) if cuda else torch.backends.cpu.get_cpu_capability()
        return f"{self.name} {unit}, {self.precision}"


def pick(precision: str = "auto", *, threads: int = 1) -> Device:
    """Return the first CUDA device, else the CPU, and give this process `threads` CPU threads.

    One thread by default: with busy neighbours two were measured 8 to 10 times slower than one, because
    OpenMP's barriers spin.  Parallel work is done by processes.
    """
    torch.set_num_threads(threads)
    name = "cuda:0" if torch.cuda.is_available() else "cpu"
    if precision == "auto":
        precision = "bf16" if (name != "cpu" or _bf16_pays()) else "fp32"
    return Device(name, precision)


def _bf16_pays() -> bool:
    """Time one convolution both ways, about 20 ms.

    Only where the processor has bf16 instructions: emulated, it is 5 to 10 times slower than fp32, and the
    hardware's word keeps noise in the timing from deciding on such machines.
    """
    able = torch.cpu.get_capabilities()
    if not (able.get("avx512_bf16") or able.get("amx_bf16") or able.get("bf16")):
        return False
    return _convolution_s(bf16=True) < 0.8 * _convolution_s(bf16=False)


def _convolution_s(*, bf16: bool, repeats: int = 3) -> float:
    layer = nn.Conv2d(16, 32, 3, padding=1).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.zeros(64, 16, 16, 16).contiguous(memory_format=torch.channels_last)
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            layer(images).float().sum().backward()
        taken.append(time.perf_counter() - started)
    return min(taken)
