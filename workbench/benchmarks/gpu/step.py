"""One step of the airbench network: as torch runs it, as a CUDA graph, compiled."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from trainer.engine import losses, optimizers
from trainer.engine.networks import build as networks
from trainer.engine.recipe import Recipe
from workbench.benchmarks.gpu.ceilings import Ceilings
from workbench.benchmarks.gpu.finding import Finding, only_cuda, seconds

CLASSES = 10
BATCHES = (500, 1000, 2000)
AIRBENCH = Recipe(network="airbench", width=64, optimizer="sgd", learning_rate=0.01, dropout=0.0)
MOVED = 4.1e6  # bytes a picture of 32 pixels at width 64 in bf16, layers not fused: counted by hand
HOST_S = {"eager": 0.9e-3, "graph": 0.2e-3}  # launching some 180 kernels
COMPILED = 0.85  # of the graph's time: what fused layers were reported to save


class Step:
    """A training on pictures that stay the same: each call is one step and returns its loss."""

    def __init__(self, device: str, recipe: Recipe, batch: int, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        side = recipe.resolution
        pictures = torch.randint(0, 256, (batch, side, side, 3), dtype=torch.uint8, generator=generator)
        labels = torch.randint(CLASSES, (batch,), generator=generator)
        self.model = networks.build(recipe, CLASSES, generator)
        self.model.fit(pictures.numpy())
        self.model.to(device).train()
        self.images, self.labels = pictures.to(device), labels.to(device)
        self.forward: Callable[[Tensor], Tensor] = self.model
        self._targets = losses.soft(self.labels, CLASSES, recipe.label_smoothing)
        self._loss = losses.build(recipe, np.full(CLASSES, batch), device)
        self._optimizer = optimizers.build(self.model, recipe)
        self._kind = device.split(":")[0]

    def __call__(self) -> Tensor:
        self.forget()
        # no cache of cast weights: a graph that is played again must cast them again
        with torch.autocast(self._kind, torch.bfloat16, cache_enabled=False):
            logits = self.forward(self.images)
        loss = self._loss(logits.float(), self._targets)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return loss.detach()

    def forget(self) -> None:
        """Drop the gradients."""
        self._optimizer.zero_grad(set_to_none=True)


def graph(steps: Sequence[Step]) -> Callable[[], object]:
    """Return a CUDA graph of one step each, as branches beside one another; its results are thrown away."""
    now, aside = torch.cuda.current_stream(), stream()
    aside.wait_stream(now)
    with torch.cuda.stream(aside):  # libraries set themselves up here: that must not be recorded
        for step in [*steps] * 3:
            step()
    now.wait_stream(aside)
    for step in steps:
        step.forget()  # the graph's gradients lie in its own memory
    recorded = torch.cuda.CUDAGraph()
    with torch.cuda.graph(recorded):
        fork(steps, [stream() for _ in steps])
    return recorded.replay


def stream() -> torch.cuda.Stream:
    return torch.cuda.Stream()  # type: ignore[no-untyped-call]


def fork(steps: Sequence[Step], streams: Sequence[torch.cuda.Stream]) -> None:
    """Take one step each, in its own stream; the current stream goes on when all are done."""
    now = torch.cuda.current_stream()
    for step, own in zip(steps, streams, strict=True):
        own.wait_stream(now)
        with torch.cuda.stream(own):
            step()
    for own in streams:
        now.wait_stream(own)


def compiled(step: Step) -> Step:
    """Let torch.compile fuse the step's network."""
    step.forward = torch.compile(step.model)
    return step


def flop(recipe: Recipe) -> int:
    """Return the floating-point operations of one picture in one step, forward and back."""
    one = Step("cpu", recipe, 2)
    with FlopCounterMode(display=False) as counter:
        one()
    return int(counter.get_total_flops()) // 2


def moved(recipe: Recipe) -> float:
    """Return about how many bytes of memory one picture reads and writes in one step."""
    return MOVED * (recipe.resolution / 32) ** 2 * recipe.width / AIRBENCH.width


def findings(
    device: str, ceilings: Ceilings, *, recipe: Recipe = AIRBENCH, batches: Sequence[int] = BATCHES
) -> Iterator[Finding]:
    """Give the time of a step at each batch size, in each way; compiled last, it takes a minute."""
    work = flop(recipe)
    for way, prepare in _WAYS.items():
        for batch in batches:
            what = f"step of {batch}, {way}"
            if way in _ONLY_CUDA and not device.startswith("cuda"):
                yield only_cuda(what, "ms")
                continue
            took = seconds(device, prepare(Step(device, recipe, batch)), calls=10)
            floor = ceilings.floor_s(batch * work, batch * moved(recipe))
            share = batch * work / took / (ceilings.tflop_s * 1e12)
            note = f"{share:.0%} of the product ceiling"
            yield Finding(what, "ms", 1e3 * took, 1e3 * _predicted(way, floor), note)


def _predicted(way: str, floor: float) -> float:
    if way == "compiled":
        return COMPILED * max(floor, HOST_S["graph"])
    return max(floor, HOST_S[way])


_WAYS: dict[str, Callable[[Step], Callable[[], object]]] = {
    "eager": lambda step: step,
    "graph": lambda step: graph([step]),
    "compiled": compiled,
}
_ONLY_CUDA = ("graph", "compiled")
