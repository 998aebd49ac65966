"""TrashNet at 128 pixels: kNN on raw pixels, a network from scratch, and features learned without labels.

2,527 photographs of six kinds of trash (Yang & Thung 2016), a quarter of them to test on.  Every result is a
cell in a file of its own, named after all that decides about it: a run that is killed goes on where it was.
"""

import csv
import hashlib
import json
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from labeling import duplicates, images, splits
from labeling.snapshot import Snapshot, fingerprint
from trainer.engine import comparison, features, intervals, neighbors, pixels, self_supervised
from trainer.engine.checkpoints import Checkpoint
from trainer.engine.course import Aids
from trainer.engine.device import Device
from trainer.engine.experiment import carry_out
from trainer.engine.pixels import Gathered
from trainer.engine.pretraining import Plan
from trainer.engine.recipe import Recipe

TEST_SHARE, SALT = 0.25, "trashnet"
SIDES = (8, 16, 32, 64, 128)  # of the raw pixels; leave-one-out on the training rows chooses


@dataclass(frozen=True)
class Trials:
    """What is tried with each seed; the fine-tuned one and the probe start from the features of the plan."""

    plan: Plan
    scratch: Recipe
    fine_tuned_steps: int

    @property
    def probe(self) -> Recipe:
        return replace(self.scratch, weights="self-supervised", tuning="probe", policy=None)

    @property
    def fine_tuned(self) -> Recipe:
        tuned = replace(self.scratch, weights="self-supervised", tuning="probe-then-full")
        return replace(tuned, min_steps=self.fine_tuned_steps)


TRIALS = Trials(
    plan=Plan(network="resnet18", width=16, resolution=128, epochs=100, batch=64),
    scratch=Recipe(
        network="resnet18",
        width=16,
        resolution=128,
        policy="shift-flip",
        learning_rate=0.005,
        label_smoothing=0.1,
        batch=32,
        min_steps=3000,
    ),
    fine_tuned_steps=1500,
)
Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class World:
    """The photographs, split once, and where cells are kept."""

    snapshot: Snapshot
    cells: Path
    device: Device

    def decoded(self, side: int) -> Gathered:
        return pixels.load(self.snapshot.files, self.snapshot.keys, side, self.cells / "pixels")


@dataclass(frozen=True, eq=False)
class Cell:
    """What one model says of the test items."""

    name: str
    probs: NDArray[np.float32]  # (M, K)
    cpu_s: float
    note: str


def look(data: Path, cells: Path, device: Device) -> World:
    """Read the photographs of `data` (images.zip, labels.csv) and split them as an import would.

    Byte-equal photographs under two classes are left out, near-equal ones stay in one split.
    """
    if not (cells / "images").is_dir():
        with zipfile.ZipFile(data / "images.zip") as parcel:
            parcel.extractall(cells)
    labels: dict[str, set[str]] = defaultdict(set)
    files: dict[str, Path] = {}
    with open(data / "labels.csv", newline="") as table:
        for row in csv.DictReader(table):
            key = images.key_of((cells / row["file"]).read_bytes())
            labels[key].add(row["label"])
            files.setdefault(key, cells / row["file"])
    keys = [key for key in files if len(labels[key]) == 1]
    names = [next(iter(labels[key])) for key in keys]
    groups = _groups(keys, [files[key] for key in keys])
    split = splits.assign(keys, names, groups, TEST_SHARE, SALT)
    classes = sorted(set(names))
    numbers = np.array([classes.index(name) for name in names], dtype=np.int64)
    is_test = np.array(split) == "test"
    snapshot = Snapshot(
        classes=tuple(classes),
        ids=np.arange(len(keys)),
        keys=tuple(keys),
        files=tuple(files[key] for key in keys),
        labels=numbers,
        is_test=is_test,
        groups=tuple(groups),
        fingerprint=fingerprint(classes, keys, numbers, is_test),
    )
    return World(snapshot, cells, device)


def _groups(keys: Sequence[str], files: Sequence[Path]) -> list[str]:
    small = [images.understand(file.read_bytes(), file.name).small for file in files]
    pairs = duplicates.near_pairs(
        [duplicates.difference_hash(one) for one in small], np.ones(len(keys), bool)
    )
    side = (duplicates.SIDE, duplicates.SIDE)
    copies = np.stack([np.asarray(Image.fromarray(one).resize(side, Image.Resampling.BOX)) for one in small])
    equal = duplicates.near_equal(copies, pairs)
    return duplicates.join(keys, [""] * len(keys), [False] * len(keys), pairs[equal])


def run(world: World, seeds: int, say: Say, trials: Trials = TRIALS) -> Iterator[Cell]:
    """Yield all cells, the cheap ones first, one seed of everything before the next."""
    yield _kept(world, "kNN, raw pixels", SIDES, _raw_neighbors)
    for seed in range(seeds):
        yield _trained(world, f"from scratch, seed {seed}", trials.scratch, seed, None)
        learned = _features(world, trials.plan, seed, say)
        near = partial(_neighbors, file=learned, side=trials.plan.resolution)
        yield _kept(world, f"kNN, features, seed {seed}", learned.name, near)
        yield _trained(world, f"probe of features, seed {seed}", trials.probe, seed, learned)
        yield _trained(world, f"fine-tuned features, seed {seed}", trials.fine_tuned, seed, learned)


def _kept(
    world: World, name: str, facts: object, make: Callable[[World], tuple[NDArray[np.float32], str]]
) -> Cell:
    """Return the cell of this name and these facts, made now where it is not there yet."""
    told = json.dumps([name, facts, world.snapshot.fingerprint, world.device.precision])
    path = world.cells / f"{hashlib.sha256(told.encode()).hexdigest()[:16]}.npz"
    if not path.exists():
        started = time.process_time()
        probs, note = make(world)
        np.savez(path, probs=probs, cpu_s=time.process_time() - started, note=note)
    with np.load(path) as kept:
        return Cell(name, kept["probs"], float(kept["cpu_s"]), str(kept["note"]))


def _raw_neighbors(world: World) -> tuple[NDArray[np.float32], str]:
    found = {}
    for side in SIDES:
        found[side] = _classify(world, features.raw(world.decoded(side)))
    best = max(found, key=lambda side: found[side].left_out_accuracy)
    told = ", ".join(f"{side} px {one.left_out_accuracy:.3f}" for side, one in found.items())
    return found[best].probs, f"{best} px and k {found[best].k}, by leave-one-out: {told}"


def _neighbors(world: World, *, file: Path, side: int) -> tuple[NDArray[np.float32], str]:
    model, _ = self_supervised.load(file)
    found = _classify(world, features.embed(model, world.decoded(side), device=world.device))
    return found.probs, f"k {found.k}, leave-one-out {found.left_out_accuracy:.3f}"


def _classify(world: World, vectors: NDArray[np.float32]) -> neighbors.Neighbors:
    shot = world.snapshot
    train, test = shot.train_rows, shot.test_rows
    return neighbors.classify(vectors[train], shot.labels[train], vectors[test], len(shot.classes))


def _features(world: World, plan: Plan, seed: int, say: Say) -> Path:
    """Return the file of features learned from everything but the test items."""
    told = json.dumps([plan.to_json(), seed, world.snapshot.fingerprint, world.device.precision])
    path = world.cells / f"features-{hashlib.sha256(told.encode()).hexdigest()[:16]}.safetensors"
    if not path.exists():
        started = time.process_time()
        learned = self_supervised.pretrain(
            world.decoded(plan.resolution),
            np.flatnonzero(~world.snapshot.is_test),
            plan,
            seed=seed,
            device=world.device,
            checkpoint=Checkpoint(path.with_suffix(".checkpoint")),
            report=lambda progress: say(f"features, seed {seed}: epoch {progress.done} of {progress.total}"),
        )
        self_supervised.save(path, learned, plan)
        say(f"features, seed {seed}: {time.process_time() - started:.0f} CPU-seconds in this process")
    return path


def _trained(world: World, name: str, recipe: Recipe, seed: int, file: Path | None) -> Cell:
    def make(_: World) -> tuple[NDArray[np.float32], str]:
        outcome = carry_out(
            world.snapshot,
            world.decoded(recipe.resolution),
            world.snapshot.train_rows,
            recipe,
            seed=seed,
            device=world.device,
            aids=Aids(weights=file),
        )
        return outcome.tested.probs, f"{outcome.trained.steps} steps"

    facts = [recipe.to_json(), seed, None if file is None else file.name]
    return _kept(world, name, facts, make)


def table(world: World, cells: Sequence[Cell]) -> Iterator[str]:
    """Yield a line for each cell: accuracy, and its gain on the first cell, both with 95 % intervals."""
    labels = world.snapshot.labels[world.snapshot.test_rows]
    for cell in cells:
        right = int((cell.probs.argmax(1) == labels).sum())
        share = intervals.wilson(right, len(labels))
        line = f"{cell.name:<30} {share.value:.1%} ({share.low:.1%} to {share.high:.1%})"
        if cell is not cells[0]:
            gain = comparison.compare(cells[0].probs, cell.probs, labels, np.random.default_rng(0))[0]
            line += f"  gain {gain.gain:+.1%} ({gain.low:+.1%} to {gain.high:+.1%}), p {gain.p_value:.1g}"
        yield f"{line}  n={len(labels)}  {cell.cpu_s:.0f} CPU-s  {cell.note}"
