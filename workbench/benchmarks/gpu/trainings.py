"""Whole trainings by the product's own loop: how long, how right; and a learning curve from a few of them."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trainer.engine import inference, loop
from trainer.engine.course import Trained
from trainer.engine.device import Device
from trainer.engine.material import Material
from trainer.engine.recipe import Recipe
from workbench.benchmarks.gpu import step
from workbench.benchmarks.gpu.ceilings import Ceilings
from workbench.benchmarks.gpu.finding import Finding, wait
from workbench.benchmarks.gpu.sets import Pictures, Pixels, Set
from workbench.benchmarks.gpu.step import CLASSES

# Not tuned on any GPU.  At width 12, 240 steps of 250 on 12,000 pictures, one training each, Muon's rates
# 0.02, 0.06, 0.12 and 0.24 gave 84.9, 86.9, 87.2 and 87.4 %, SGD at 0.05 gave 81.3.
FASHION = Recipe(
    network="airbench",
    width=64,
    resolution=28,
    optimizer="muon",
    learning_rate=0.1,
    batch=1000,
    steps_per_root=0.0,
    min_steps=600,  # 10 epochs
    label_smoothing=0.1,
    dropout=0.0,
    policy="shift-flip",
)
CIFAR = replace(FASHION, resolution=32, batch=2000, min_steps=200, label_smoothing=0.2)  # 8 epochs
CURVE_SEEDS, CURVE_SIZES = 5, 8
MEASURED_SEEDS, MEASURED_SIZES = 2, (0, 2, 4)  # halved so many times
SHARE = 0.25  # of the product ceiling: what a curve's trainings are predicted to reach
WARM_STEPS = 5


def once(pictures: Pictures, recipe: Recipe, device: Device, seed: int) -> tuple[float, Trained]:
    """Return the seconds from pictures in main memory to weights on the device, and what was trained."""
    material = Material(
        pictures.pixels[None], pictures.labels, np.arange(len(pictures.labels)), enriched=False
    )
    wait(device.name)
    started = time.perf_counter()
    trained = loop.train(material, recipe, CLASSES, seed=seed, device=device)
    wait(device.name)
    return time.perf_counter() - started, trained


def accuracy(trained: Trained, unseen: Pictures, device: Device) -> float:
    """Return the share named rightly by the mean of a picture and its mirror image."""
    views = (unseen.pixels, np.ascontiguousarray(unseen.pixels[:, :, ::-1]))
    probs = sum(inference.predict(trained.model, view, device) for view in views)
    return float((np.asarray(probs).argmax(1) == unseen.labels).mean())


def repeated(
    name: str, found: Set, recipe: Recipe, device: Device, *, runs: int, goal: tuple[float, float]
) -> list[Finding]:
    """Return the means of `runs` trainings beside the goal: (seconds, accuracy)."""
    once(found.known, replace(recipe, min_steps=WARM_STEPS), device, seed=0)
    took, right = [], []
    for seed in range(runs):
        one_s, trained = once(found.known, recipe, device, seed)
        took.append(one_s)
        right.append(100 * accuracy(trained, found.unseen, device))
    note = f"mean of {runs}, {min(right):.2f} to {max(right):.2f}; predicted: the goal"
    return [
        Finding(
            f"{name}, one training",
            "s",
            statistics.mean(took),
            goal[0],
            f"{min(took):.3g} to {max(took):.3g}",
        ),
        Finding(f"{name}, accuracy", "%", statistics.mean(right), 100 * goal[1], note),
    ]


def curve(
    pictures: Pictures,
    ceilings: Ceilings,
    recipe: Recipe,
    device: Device,
    *,
    halved: Sequence[int] = MEASURED_SIZES,
) -> list[Finding]:
    """Return what a curve of 8 sizes and 5 seeds would take, from 2 trainings at each of three sizes.

    Each training takes 8 sqrt(N n) pictures in all.  Time is taken to be a start and so much a step.
    """
    n = len(pictures.labels)
    recipe = replace(recipe, min_steps=WARM_STEPS, steps_per_root=8 * n**0.5 / recipe.batch)
    once(_first(pictures, n), replace(recipe, steps_per_root=0.0), device, seed=0)
    steps, took = [], []
    for size in (n >> times for times in halved):
        for seed in range(MEASURED_SEEDS):
            steps.append(recipe.steps(size))
            took.append(once(_first(pictures, size), recipe, device, seed)[0])
    sizes = [n >> times for times in range(CURVE_SIZES)]
    every = [recipe.steps(size) for size in sizes]
    slope, start = np.polyfit(steps, took, 1)
    shown = sum(min(recipe.batch, size) * count for size, count in zip(sizes, every, strict=True))
    predicted = CURVE_SEEDS * ceilings.floor_s(shown * step.flop(recipe), 0) / SHARE
    note = f"from {len(took)} trainings of {sum(took):.3g} s; {1e3 * slope:.3g} ms a step"
    what = f"{CURVE_SIZES} x {CURVE_SEEDS} trainings up to {n:,} pictures, one after the other"
    return [Finding(what, "s", CURVE_SEEDS * float(slope * sum(every) + start * len(every)), predicted, note)]


def noise(count: int, side: int) -> Pictures:
    """Return pictures of nothing, for what only takes time."""
    rng = np.random.default_rng(0)
    pixels: Pixels = rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    return Pictures(pixels, np.arange(count) % CLASSES)


def _first(pictures: Pictures, size: int) -> Pictures:
    return Pictures(pictures.pixels[:size], pictures.labels[:size])
