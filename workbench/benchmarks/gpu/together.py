"""Several small trainings at once: in turn, in streams, as one graph, by vmap, as grouped convolutions."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn import functional

from trainer.engine.recipe import Recipe
from workbench.benchmarks.gpu import step
from workbench.benchmarks.gpu.ceilings import Ceilings
from workbench.benchmarks.gpu.finding import Finding, only_cuda, seconds
from workbench.benchmarks.gpu.grouped import Grouped
from workbench.benchmarks.gpu.step import AIRBENCH, HOST_S, Step

MODELS, BATCH, LABELED = 5, 500, 1875
RATE = 0.01
PLAIN = replace(AIRBENCH, momentum=0.0, weight_decay=0.0, label_smoothing=0.0, learning_rate=RATE)


def findings(
    device: str, ceilings: Ceilings, *, recipe: Recipe = PLAIN, models: int = MODELS, batch: int = BATCH
) -> Iterator[Finding]:
    """Give what one step of all models takes, each way."""
    floor = models * ceilings.floor_s(batch * step.flop(recipe), batch * step.moved(recipe))
    host = {
        "in turn": models * HOST_S["eager"],
        "streams": models * HOST_S["eager"],
        "graph": HOST_S["graph"],
    }
    for way, prepare in _WAYS.items():
        what = f"{models} models of {batch} pictures a step, {way}"
        if way in _ONLY_CUDA and not device.startswith("cuda"):
            yield only_cuda(what, "ms")
            continue
        call = prepare([Step(device, recipe, batch, seed) for seed in range(models)])
        predicted = 1e3 * max(floor, host[way]) if way in host else None
        note = "" if way in host else "expected to be the slowest"
        yield Finding(what, "ms", 1e3 * seconds(device, call, calls=5), predicted, note)


def in_turn(steps: Sequence[Step]) -> Callable[[], object]:
    return lambda: [one() for one in steps]


def in_streams(steps: Sequence[Step]) -> Callable[[], object]:
    streams = [step.stream() for _ in steps]
    return lambda: step.fork(steps, streams)


def vmapped(steps: Sequence[Step]) -> Callable[[], Tensor]:
    """Return one step of all models by vmap over their stacked weights; it returns the losses (models,)."""
    weights, buffers = stack_module_state([one.model for one in steps])
    weights = {name: weight.detach() for name, weight in weights.items()}
    images, labels = (
        torch.stack(list(each)) for each in zip(*((s.images, s.labels) for s in steps), strict=True)
    )
    base = copy.deepcopy(steps[0].model)

    def loss(
        weights: dict[str, Tensor], buffers: dict[str, Tensor], images: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        logits = functional_call(base, (_norms(weights), _norms(buffers)), (images,))
        found = functional.cross_entropy(logits.float(), labels)
        return found, found.detach()

    slopes = vmap(grad(loss, has_aux=True))

    def call() -> Tensor:
        with torch.autocast(images.device.type, torch.bfloat16, cache_enabled=False):
            gradients, losses = slopes(weights, buffers, images, labels)
        torch._foreach_add_(list(weights.values()), [gradients[name] for name in weights], alpha=-RATE)
        found: Tensor = losses
        return found

    return call


def _norms(values: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give the norms bf16 numbers beside their bf16 pictures: under vmap they take no other."""
    return {
        name: value.bfloat16() if name.startswith("features.") and value.ndim == 1 else value
        for name, value in values.items()
    }


def grouped(steps: Sequence[Step]) -> Callable[[], Tensor]:
    """Return one step of all models as one network of groups; it returns the losses (models,)."""
    model = Grouped([one.model for one in steps]).train()
    images, labels = (
        torch.stack(list(each)) for each in zip(*((s.images, s.labels) for s in steps), strict=True)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)

    def call() -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(images.device.type, torch.bfloat16, cache_enabled=False):
            logits = model(images)
        each = functional.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), reduction="none")
        losses = each.view(len(steps), -1).mean(1)
        losses.sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return losses.detach()

    return call


_WAYS: dict[str, Callable[[Sequence[Step]], Callable[[], object]]] = {
    "in turn": in_turn,
    "streams": in_streams,
    "graph": step.graph,
    "vmap": vmapped,
    "grouped": grouped,
}
_ONLY_CUDA = ("streams", "graph")
