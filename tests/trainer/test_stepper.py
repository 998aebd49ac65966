import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests import toys
from trainer.engine import material
from trainer.engine.device import Device
from trainer.engine.fits import Fits
from trainer.engine.material import Examples
from trainer.engine.recipe import Recipe
from trainer.engine.stepper import Stepper

ROOT = Path(__file__).resolve().parents[2]
CPU = Device("cpu", "fp32")
PIXELS, LABELS = toys.shape_pixels(48, 16, np.random.default_rng(0))
SHAPES = material.as_they_are(Examples(PIXELS, LABELS, tuple(map(str, range(48)))))
# Adam would blow up rounding where a gradient is nearly 0
NO_STATISTICS = Recipe(network="vit", width=8, resolution=16, batch=16, dropout=0.0, optimizer="sgd")
EVERYTHING = Recipe(
    width=4, resolution=16, batch=16, policy="strong", mixing="cutmix", ema=0.9, l1=1e-4, loss="focal"
)


def stepper(recipe, remembered=None):
    return Stepper(SHAPES, recipe, 3, seed=1, device=CPU, remembered=remembered)


def weights(found):
    return torch.cat([tensor.flatten().double() for tensor in found.weights().values()])


def test_a_batch_in_pieces_takes_the_step_of_the_whole(tmp_path):
    fits = Fits(tmp_path / "fits.json")
    fits.remember(NO_STATISTICS, "cpu", 5)  # pieces of 4, 4, 4 and 4
    whole, cut = stepper(NO_STATISTICS), stepper(NO_STATISTICS, fits)
    figures = [(whole.step(0.01), cut.step(0.01)) for _ in range(3)]
    assert torch.allclose(weights(whole), weights(cut), atol=1e-5)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in figures)


@pytest.mark.parametrize(
    "recipe",
    [NO_STATISTICS, EVERYTHING, Recipe(width=4, resolution=16, batch=16, optimizer="muon", mixing="mixup")],
    ids=["vit", "everything", "muon"],
)
def test_a_stepper_goes_on_where_its_state_was_taken(recipe):
    first = stepper(recipe)
    for _ in range(2):
        first.step(0.01)
    held = io.BytesIO()
    torch.save(first.state(), held)
    again = stepper(recipe)
    again.resume(torch.load(io.BytesIO(held.getvalue()), weights_only=True))
    for _ in range(2):
        assert torch.equal(first.step(0.01), again.step(0.01))
    assert torch.equal(weights(first), weights(again))


def test_averaged_weights_predict_where_the_recipe_asks_for_them():
    found = stepper(EVERYTHING)
    found.step(0.05)
    assert not torch.equal(
        weights(found)[:50], torch.cat([t.flatten().double() for t in found.model.state_dict().values()])[:50]
    )


SCARCE = """
import resource, sys
import numpy as np, torch
from pathlib import Path
from tests.trainer.test_stepper import CPU, Fits, material, Examples, Recipe, Stepper
torch.set_num_threads(1)
pixels = np.random.default_rng(0).integers(0, 255, (96, 128, 128, 3), dtype=np.uint8)
made = material.as_they_are(Examples(pixels, np.arange(96) % 3, tuple(map(str, range(96)))))
recipe = Recipe(network="cnn", width=int(sys.argv[2]), resolution=128, batch=96)
fits = Fits(Path(sys.argv[1]))
found = Stepper(made, recipe, 3, seed=1, device=CPU, remembered=fits)
now = int(Path("/proc/self/statm").read_text().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (now + 2**20 * int(sys.argv[3]), -1))
try:
    print(found.step(0.01)[0].item() > 0, fits.recall(recipe, "cpu"))
except Exception as error:
    print(type(error).__name__, error)
"""


def scarce(tmp_path, width, mib):
    """Take one step of 96 pictures of 128 pixels in a process with so little memory."""
    command = [sys.executable, "-c", SCARCE, str(tmp_path / "fits.json"), str(width), str(mib)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    return done.stdout.strip()


def test_a_batch_that_does_not_fit_is_halved_and_remembered(tmp_path):
    learned, pieces = scarce(tmp_path, 8, 200).split()
    assert learned == "True"
    assert int(pieces) > 1


def test_a_recipe_that_does_not_fit_at_all_ends_in_a_sentence(tmp_path):
    assert "DoesNotFit This recipe does not fit into the memory of cpu" in scarce(tmp_path, 512, 100)
