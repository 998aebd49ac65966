"""What a training leaves on disk: recipe.json, history.jsonl, predictions.npz, model.safetensors."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import safetensors.torch
import torch
from safetensors import safe_open

from trainer.engine import disk, model_files, predictions
from trainer.engine.course import Trained
from trainer.engine.networks import build as networks
from trainer.engine.networks.build import Classifier
from trainer.engine.predictions import TestPredictions
from trainer.engine.recipe import Recipe

RECIPE, HISTORY = "recipe.json", "history.jsonl"
PREDICTIONS, MODEL = predictions.FILE, model_files.WEIGHTS
NOTES = "seedbed"  # the one entry of the weights file's metadata: several would come in any order


def save(folder: Path, recipe: Recipe, trained: Trained, tested: TestPredictions) -> str:
    """Write all four files into `folder`, this attempt's own; return the SHA-256 of the weights.

    The weights come last, and the hash is that of the bytes in memory: whoever finds it on the disk finds a
    whole training.  Raises disk.NoRoom where the disk is full.
    """
    disk.write(folder / RECIPE, json.dumps(recipe.to_json(), indent=2).encode())
    lines = "".join(json.dumps(step._asdict()) + "\n" for step in trained.history)
    disk.write(folder / HISTORY, lines.encode())
    tested.save(folder / PREDICTIONS)
    return save_model(folder / MODEL, trained.model, recipe, tested.classes.tolist())


def save_snapshots(folder: Path, recipe: Recipe, trained: Trained, classes: Sequence[str]) -> None:
    """Write the weights of each cycle of "restarts" as a model of its own: snapshot-1.safetensors and on."""
    final = {name: tensor.clone() for name, tensor in trained.model.state_dict().items()}
    for number, weights in enumerate(trained.snapshots, start=1):
        trained.model.load_state_dict(weights)
        save_model(folder / f"snapshot-{number}.safetensors", trained.model, recipe, classes)
    trained.model.load_state_dict(final)


def save_model(path: Path, model: Classifier, recipe: Recipe, classes: Sequence[str]) -> str:
    """Write weights and, in the same file, what is needed to use them: recipe and classes.

    Returns the SHA-256 of the file; the same weights, recipe and classes give the same.
    """
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    notes = {"recipe": recipe.to_json(), "classes": list(classes)}
    data = safetensors.torch.save(weights, {NOTES: json.dumps(notes)})
    disk.write(path, data)
    return hashlib.sha256(data).hexdigest()


def load_model(path: Path) -> tuple[Classifier, Recipe, tuple[str, ...]]:
    """Return model (on the CPU), recipe and classes; no code in the file is ever executed."""
    with safe_open(path, "pt") as kept:
        notes = json.loads(kept.metadata()[NOTES])
        weights = {name: kept.get_tensor(name) for name in kept.keys()}  # noqa: SIM118  # no mapping
    recipe = Recipe.from_json(notes["recipe"])
    classes = tuple(notes["classes"])
    model = networks.build(recipe, len(classes), torch.Generator())
    model.load_state_dict(weights)
    return model.eval(), recipe, classes
