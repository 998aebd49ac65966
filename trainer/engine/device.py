"""Which device trains, in which precision; decided once per process and passed on."""

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

Clock = Callable[[bool, bool], float]  # (bf16, channels_last) -> seconds


@dataclass(frozen=True)
class Device:
    """Where tensors live and how convolutions are computed.

    On one CPU thread the same (data, recipe, seed, Device) gives the same bits on one machine and torch;
    on other processors expect rounding to differ, 1e-6 a step in fp32.  CUDA kernels may add in any order.
    """

    name: str  # as torch writes it: "cpu", "cuda:0"
    precision: str  # "fp32" or "bf16"
    channels_last: bool = True  # how pictures lie in memory while convolutions are computed

    @property
    def bf16(self) -> bool:
        return self.precision == "bf16"

    def describe(self) -> str:
        """Return a name for receipts, e.g. "cpu AVX2, fp32, channels last"."""
        cuda = self.name.startswith("cuda")
        unit = torch.cuda.get_device_name(self.name) if cuda else torch.backends.cpu.get_cpu_capability()
        layout = "channels last" if self.channels_last else "channels first"
        return f"{self.name} {unit}, {self.precision}, {layout}"


def pick(precision: str = "auto", *, threads: int = 1, memory: Path | None = None) -> Device:
    """Return the first CUDA device, else the CPU, and give this process `threads` CPU threads.

    One thread by default: with busy neighbours two were measured 8 to 10 times slower than one, because
    OpenMP's barriers spin.  Parallel work is done by processes.
    What the probe of the CPU found is kept in the file `memory`: a clock that decided anew each time would
    give other bits to the same training.
    """
    torch.set_num_threads(threads)
    if torch.cuda.is_available():
        return Device("cuda:0", "bf16" if precision == "auto" else precision)
    machine = f"{torch.__version__}/{torch.backends.cpu.get_cpu_capability()}/{precision}"
    found = _recall(memory, machine)
    if found is None:
        found = probe(precision, torch.cpu.get_capabilities(), _convolution_s)
        _remember(memory, machine, found)
    return found


def _recall(memory: Path | None, machine: str) -> Device | None:
    try:
        return Device(**json.loads(memory.read_text())[machine]) if memory else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # a damaged note costs one more probe
        return None


def _remember(memory: Path | None, machine: str, found: Device) -> None:
    if memory is None:
        return
    memory.parent.mkdir(parents=True, exist_ok=True)
    try:
        known = dict(json.loads(memory.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        known = {}
    draft = memory.with_suffix(f".{os.getpid()}.draft")
    draft.write_text(json.dumps(known | {machine: asdict(found)}, indent=1))
    draft.replace(memory)


def probe(precision: str, able: Mapping[str, object], clock: Clock) -> Device:
    """Return the CPU as it computes fastest; clock(bf16, channels_last) times some work, 20 ms in all.

    bf16 has to win by a fifth before it is chosen, the layout only to win: it changes no result but rounding.
    """
    if precision == "auto":
        precision = "bf16" if bf16_pays(able, lambda bf16: clock(bf16, True)) else "fp32"
    bf16 = precision == "bf16"
    return Device("cpu", precision, clock(bf16, True) <= clock(bf16, False))


def gpu_use(device: Device) -> tuple[int, float]:
    """Return how many GPUs train, and the most memory, in MiB, that this process took from its own.

    (0, 0.0) on the CPU.
    """
    if not device.name.startswith("cuda"):
        return 0, 0.0
    return count(device), torch.cuda.max_memory_reserved(device.name) / 2**20


def count(device: Device) -> int:
    """Return how many devices of this kind train together: every GPU that this process sees; one CPU."""
    return torch.cuda.device_count() if device.name.startswith("cuda") else 1


def bf16_pays(able: Mapping[str, object], clock: Callable[[bool], float]) -> bool:
    """Say whether this processor computes faster in bf16; clock(bf16) times some work.

    Without instructions for it, bf16 is emulated, 4 to 10 times slower than fp32: there the clock is not
    asked, so that no noise in it can decide.
    """
    if not any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16")):
        return False
    return clock(True) < 0.8 * clock(False)


def _convolution_s(bf16: bool, channels_last: bool) -> float:
    """Time one small convolution, forward and back; the best of three, some 5 ms together."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    layer = nn.Conv2d(16, 32, 3, padding=1).to(memory_format=layout)  # type: ignore[call-overload]
    images = torch.zeros(64, 16, 16, 16).contiguous(memory_format=layout)
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            layer(images).float().sum().backward()
        taken.append(time.perf_counter() - started)
    return min(taken)
