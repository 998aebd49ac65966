"""Scoring without torch; what a model says is tested with its export, in test_exports."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from labeling.progress import Cancelled
from tests import toys
from trainer.engine import exports
from trainer.engine.networks import build as networks
from trainer.engine.recipe import Recipe
from trainer.engine.scoring import Scorer

ROOT = Path(__file__).resolve().parents[2]
ALONE = """
import json, pathlib, sys
import numpy as np
from trainer.engine import pixels
from trainer.engine.scoring import Scorer
folder = pathlib.Path(sys.argv[1])
files = sorted(folder.glob("*/*.png"))
decoded = pixels.load(files, [file.name + str(i) for i, file in enumerate(files)], 16, folder / "cache")
probs = Scorer(folder / "model.onnx").probs(decoded)
print(json.dumps({"probs": probs.tolist(), "modules": sorted(sys.modules)}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures and an exported model."""
    made = tmp_path_factory.mktemp("scoring")
    toys.shape_folder(made, {"circle": 5, "square": 4}, np.random.default_rng(0))
    recipe = Recipe(width=4, resolution=16)
    model = networks.build(recipe, 2, torch.Generator().manual_seed(0))
    noise = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    exports.export(made / "model.onnx", model, recipe, ("circle", "square"), weights="w", pictures=noise)
    return made


def test_pictures_are_scored_by_a_process_without_torch(folder):
    said = subprocess.run(
        [sys.executable, "-c", ALONE, str(folder)], cwd=ROOT, check=True, capture_output=True, text=True
    )
    told = json.loads(said.stdout)
    assert not {"torch", "torchvision", "onnx", "scipy", "sklearn"} & set(told["modules"])
    assert "onnxruntime" in told["modules"]
    assert np.array(told["probs"]).shape == (9, 2)
    assert np.allclose(np.sum(told["probs"], 1), 1)


def test_it_stops_when_it_is_asked_to(folder):
    def stop(progress):
        raise Cancelled

    with pytest.raises(Cancelled):
        Scorer(folder / "model.onnx").probs(np.zeros((3, 16, 16, 3), np.uint8), report=stop)


def test_pictures_of_another_size_are_no_answer(folder):
    with pytest.raises(Exception, match="Got invalid dimensions"):
        Scorer(folder / "model.onnx").probs(np.zeros((3, 8, 8, 3), np.uint8))
