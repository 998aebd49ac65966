"""What a GPU does with our kind of work, each figure beside the one that was predicted."""

from collections.abc import Iterator
from pathlib import Path

import torch

from trainer.engine import device as devices
from workbench.benchmarks.gpu import ceilings, gathering, heads, sets, step, together, trainings
from workbench.benchmarks.gpu.finding import Finding
from workbench.benchmarks.registry import Tell, survey

CURVE_N = 60_000
FASHION_GOAL, CIFAR_GOAL = (3.0, 0.935), (1.5, 0.94)  # seconds on an H200, accuracy
RUNS = {"Fashion-MNIST": 1, "CIFAR-10": 20}


@survey
def gpu(tell: Tell, data: Path | None) -> None:
    """Measure the first CUDA device; `data` may hold Fashion-MNIST and CIFAR-10."""
    if not torch.cuda.is_available():
        tell("There is no CUDA device here, so the survey of one has nothing to measure.")
        return
    tell(f"{torch.cuda.get_device_name(0)}, torch {torch.__version__}")
    for found in _findings(data):
        tell(found.told())


def _findings(data: Path | None) -> Iterator[Finding]:
    name = "cuda:0"
    top = ceilings.measure(name)
    yield from ceilings.findings(top)
    yield from step.findings(name, top)
    yield from together.findings(name, top)
    yield from gathering.findings(name, top)
    yield from heads.findings(name, top)
    chosen = devices.pick()
    yield from trainings.curve(trainings.noise(CURVE_N, 32), top, trainings.CIFAR, chosen)
    yield from _trained(data, chosen)


def _trained(data: Path | None, chosen: devices.Device) -> Iterator[Finding]:
    for name, found, recipe, goal in (
        ("Fashion-MNIST", sets.fashion(data), trainings.FASHION, FASHION_GOAL),
        ("CIFAR-10", sets.cifar(data), trainings.CIFAR, CIFAR_GOAL),
    ):
        if found is None:
            yield Finding(name, "s", None, note="--data DIR does not hold it")
        else:
            yield from trainings.repeated(name, found, recipe, chosen, runs=RUNS[name], goal=goal)
