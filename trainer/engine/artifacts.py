"""What a training leaves on disk: recipe.json, history.jsonl, predictions.npz, model.safetensors."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from trainer.engine.course import Trained
from trainer.engine.networks import build as networks
from trainer.engine.networks.build import Classifier
from trainer.engine.predictions import TestPredictions
from trainer.engine.recipe import Recipe

RECIPE, HISTORY = "recipe.json", "history.jsonl"
PREDICTIONS, MODEL = "predictions.npz", "model.safetensors"


def save(folder: Path, recipe: Recipe, trained: Trained, tested: TestPredictions) -> None:
    """Write all four files into `folder`, this attempt's own: nobody looks before its row is done."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECIPE).write_text(json.dumps(recipe.to_json(), indent=2))
    (folder / HISTORY).write_text("".join(json.dumps(step._asdict()) + "\n" for step in trained.history))
    tested.save(folder / PREDICTIONS)
    save_model(folder / MODEL, trained.model, recipe, tested.classes.tolist())


def save_snapshots(folder: Path, recipe: Recipe, trained: Trained, classes: Sequence[str]) -> None:
    """Write the weights of each cycle of "restarts" as a model of its own: snapshot-1.safetensors and on."""
    final = {name: tensor.clone() for name, tensor in trained.model.state_dict().items()}
    for number, weights in enumerate(trained.snapshots, start=1):
        trained.model.load_state_dict(weights)
        save_model(folder / f"snapshot-{number}.safetensors", trained.model, recipe, classes)
    trained.model.load_state_dict(final)


def save_model(path: Path, model: Classifier, recipe: Recipe, classes: Sequence[str]) -> None:
    """Write weights and, beside them in the same file, what is needed to use them: recipe and classes."""
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    notes = {"recipe": json.dumps(recipe.to_json()), "classes": json.dumps(list(classes))}
    save_file(weights, path, notes)


def load_model(path: Path) -> tuple[Classifier, Recipe, tuple[str, ...]]:
    """Return model (on the CPU), recipe and classes; no code in the file is ever executed."""
    with safe_open(path, "pt") as kept:
        notes = kept.metadata()
        weights = {name: kept.get_tensor(name) for name in kept.keys()}  # noqa: SIM118  # no mapping
    recipe = Recipe.from_json(json.loads(notes["recipe"]))
    classes = tuple(json.loads(notes["classes"]))
    model = networks.build(recipe, len(classes), torch.Generator())
    model.load_state_dict(weights)
    return model.eval(), recipe, classes
