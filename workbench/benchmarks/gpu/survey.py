"""What a GPU does with our kind of work, each figure beside the one that was predicted."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import torch

from trainer.engine import device as devices
from trainer.engine.device import Device
from workbench.benchmarks.gpu import ceilings, gathering, heads, sets, step, together, trainings
from workbench.benchmarks.gpu.ceilings import Ceilings
from workbench.benchmarks.gpu.finding import Finding
from workbench.benchmarks.registry import Tell, survey

CURVE_N = 60_000
FASHION_GOAL, CIFAR_GOAL = (3.0, 0.935), (1.5, 0.94)  # seconds on an H200, accuracy
RUNS = {"Fashion-MNIST": 1, "CIFAR-10": 20}

Part = Callable[[], Iterable[Finding]]


@survey
def gpu(tell: Tell, data: Path | None) -> None:
    """Measure the first CUDA device; `data` may hold Fashion-MNIST and CIFAR-10."""
    if not torch.cuda.is_available():
        tell("There is no CUDA device here, so the survey of one has nothing to measure.")
        return
    chosen = devices.pick()
    tell(f"{chosen.describe()}, torch {torch.__version__}")
    conduct(parts(chosen, ceilings.measure(chosen.name), data), tell)


def conduct(parts: Iterable[Part], tell: Tell) -> None:
    """Tell what each part finds; one that fails is told too, and the others go on."""
    for part in parts:
        try:
            for found in part():
                tell(found.told())
        except (RuntimeError, MemoryError) as trouble:  # out of memory, no compiler, a kernel that is missing
            first, *_ = [*str(trouble).splitlines(), ""]
            tell(f"This part failed: {type(trouble).__name__}: {first}")


def parts(chosen: Device, top: Ceilings, data: Path | None) -> list[Part]:
    """Return all parts; none has begun."""
    return [
        lambda: ceilings.findings(top),
        partial(step.findings, chosen.name, top),
        partial(together.findings, chosen.name, top),
        partial(gathering.findings, chosen.name, top),
        partial(heads.findings, chosen.name, top),
        lambda: trainings.curve(trainings.noise(CURVE_N, 32), top, trainings.CIFAR, chosen),
        partial(_trained, data, chosen),
    ]


def _trained(data: Path | None, chosen: Device) -> Iterator[Finding]:
    for name, read, recipe, goal in (
        ("Fashion-MNIST", sets.fashion, trainings.FASHION, FASHION_GOAL),
        ("CIFAR-10", sets.cifar, trainings.CIFAR, CIFAR_GOAL),
    ):
        found = read(data)
        if found is None:
            yield Finding(name, "s", None, note="--data DIR does not hold it")
        else:
            yield from trainings.repeated(name, found, recipe, chosen, runs=RUNS[name], goal=goal)
