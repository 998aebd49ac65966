"""What training a small network costs, from files to weights."""

import statistics
import tempfile
from itertools import count
from pathlib import Path

import numpy as np

from trainer.engine import device, inference, loop, pixels
from trainer.engine.device import Device
from trainer.engine.material import Material, Pixels
from trainer.engine.networks.build import Classifier
from trainer.engine.recipe import Recipe
from workbench.benchmarks.registry import Outcome, benchmark, in_turn
from workbench.benchmarks.training import digits, plain_loop
from workbench.benchmarks.training.digits import SIDE, Pictures
from workbench.benchmarks.training.plain_loop import Plain

TRAINED, TESTED = 2048, 1000
BATCH, EPOCHS, REPEATS = 64, 8, 5
WORST = 0.005  # a half point of accuracy


@benchmark(target=4.0)
def epoch() -> Outcome:
    """The peer is a torch DataLoader that reads, pads, cuts, mirrors and colors each picture by Pillow, fp32.

    It is how tutorials write it; workers would share its work out, not save any.  Both train the same small
    network (1.1 million products a picture of 32 pixels) for the same 256 steps of 64 on the same 2,048 PNG
    files, 8 epochs; ours decodes them first, into an empty cache, and that is counted.  Not counted: the
    20 ms probe of the processor, made once a machine.  Half of what the peer takes is the network's own
    products, which both sides need: where bf16 does not pay, even pictures for nothing stay below 4.
    The gate: over the trainings, ours names unseen digits of other people at most half a point worse;
    both sides' means and deviations are told.
    """
    chosen = device.pick()
    recipe = Recipe(
        batch=BATCH, steps_per_root=0.0, min_steps=EPOCHS * TRAINED // BATCH, policy="shift-flip-color"
    )
    ours: list[Classifier] = []
    peers: list[Plain] = []
    with tempfile.TemporaryDirectory(prefix="seedbed-bench-") as place:
        known = digits.write(Path(place, "train"), TRAINED, test=False)
        unseen = digits.write(Path(place, "test"), TESTED, test=True)
        caches = (Path(place, f"cache-{number}") for number in count())
        sides = in_turn(
            ("seedbed", lambda: ours.append(_train(known, recipe, chosen, next(caches), len(ours)))),
            ("DataLoader", lambda: peers.append(plain_loop.train(known, recipe, 10, seed=len(peers)))),
            REPEATS,
        )
        seen = pixels.load(unseen.files, unseen.keys, SIDE, next(caches))
        right = [_accuracy(model, np.asarray(seen), unseen, chosen) for model in ours]
        theirs = [plain_loop.accuracy(model, unseen) for model in peers]
    return Outcome(*sides, gate=holds(right, theirs), because=_told(right, theirs, chosen), counts="cpu")


def holds(ours: list[float], theirs: list[float]) -> bool:
    """Say whether our mean accuracy is at most WORST below theirs."""
    return statistics.mean(ours) >= statistics.mean(theirs) - WORST


def _train(pictures: Pictures, recipe: Recipe, chosen: Device, cache: Path, seed: int) -> Classifier:
    decoded = pixels.load(pictures.files, pictures.keys, SIDE, cache)
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
