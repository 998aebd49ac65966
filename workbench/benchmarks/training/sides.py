"""Both sides of a whole training, from files to weights: ours, and the loop of tutorials."""

import statistics
from itertools import count
from pathlib import Path

import numpy as np

from trainer.engine import device, inference, loop, pixels
from trainer.engine.device import Device
from trainer.engine.material import Material, Pixels
from trainer.engine.networks.build import Classifier
from trainer.engine.recipe import Recipe
from workbench.benchmarks.registry import Outcome, in_turn
from workbench.benchmarks.training import plain_loop
from workbench.benchmarks.training.digits import Pictures
from workbench.benchmarks.training.plain_loop import Plain

WORST = 0.005  # a half point of accuracy


def compare(known: Pictures, unseen: Pictures, recipe: Recipe, repeats: int, place: Path) -> Outcome:
    """Train both in turn on the known pictures, each time with another seed; the unseen ones are the gate."""
    chosen = device.pick()
    ours: list[Classifier] = []
    peers: list[Plain] = []
    caches = (place / f"cache-{number}" for number in count())
    sides = in_turn(
        ("seedbed", lambda: ours.append(_train(known, recipe, chosen, next(caches), len(ours)))),
        ("DataLoader", lambda: peers.append(plain_loop.train(known, recipe, 10, seed=len(peers)))),
        repeats,
    )
    seen = pixels.load(unseen.files, unseen.keys, recipe.resolution, next(caches))
    right = [_accuracy(model, np.asarray(seen), unseen, chosen) for model in ours]
    theirs = [plain_loop.accuracy(model, unseen, recipe.resolution) for model in peers]
    return Outcome(*sides, gate=holds(right, theirs), because=_told(right, theirs, chosen), counts="cpu")


def holds(ours: list[float], theirs: list[float]) -> bool:
    """Say whether our mean accuracy is at most WORST below theirs."""
    return statistics.mean(ours) >= statistics.mean(theirs) - WORST


def _train(pictures: Pictures, recipe: Recipe, chosen: Device, cache: Path, seed: int) -> Classifier:
    decoded = pixels.load(pictures.files, pictures.keys, recipe.resolution, cache)
    bank = np.asarray(decoded)[None]
    material = Material(bank, pictures.labels, np.arange(len(decoded)), enriched=False)
    return loop.train(material, recipe, 10, seed=seed, device=chosen).model


def _accuracy(model: Classifier, seen: Pixels, pictures: Pictures, chosen: Device) -> float:
    return float((inference.predict(model, seen, chosen).argmax(1) == pictures.labels).mean())


def _told(ours: list[float], theirs: list[float], chosen: Device) -> str:
    one, other = (
        f"{statistics.mean(side):.2%} (deviation {statistics.stdev(side) if len(side) > 1 else 0:.2%})"
        for side in (ours, theirs)
    )
    return f"accuracy {one} against {other} over {len(ours)} trainings each; {chosen.describe()}"
