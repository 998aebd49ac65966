import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from labeling.progress import Cancelled
from tests.trainer.test_stepper import CPU, LABELS, NO_STATISTICS, PIXELS, SHAPES, Examples
from trainer.engine import distributed, loop
from trainer.engine.course import Aids
from trainer.engine.distributed import ProcessesFailed
from trainer.engine.world import World

ROOT = Path(__file__).resolve().parents[2]
RECIPE = dataclasses.replace(NO_STATISTICS, min_steps=8, steps_per_root=1.0)
WATCHED = Examples(PIXELS[:12], LABELS[:12], tuple(map(str, range(12))))


def train(recipe=RECIPE, **more):
    return distributed.train(SHAPES, recipe, 3, seed=1, device=CPU, processes=2, **more)


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(ValueError, match="batch must be a multiple of the 2 processes, got 15"):
        World(rank=0, size=2).check_batch(15)


def test_what_the_processes_say_of_their_end_comes_out():
    with pytest.raises(ProcessesFailed, match="at least two classes"):
        distributed.train(
            dataclasses.replace(SHAPES, labels=SHAPES.labels * 0), RECIPE, 3, seed=1, device=CPU, processes=2
        )


def test_a_report_that_raises_ends_all_processes():
    def stop(progress):
        raise Cancelled

    with pytest.raises(Cancelled):
        train(report=stop)


def test_two_processes_equal_one_at_the_same_batch():
    seen = []
    together = train(report=seen.append, aids=Aids(validation=WATCHED))
    alone = loop.train(SHAPES, RECIPE, 3, seed=1, device=CPU, aids=Aids(validation=WATCHED))
    for name, tensor in alone.model.state_dict().items():
        assert torch.allclose(together.model.state_dict()[name], tensor, atol=1e-5), name
    assert [step.loss for step in together.history] == pytest.approx(
        [step.loss for step in alone.history], abs=1e-5
    )
    assert [p.done for p in seen] == [step.step for step in alone.history]


SCARCE = """
import resource, sys
import numpy as np
from pathlib import Path
from tests.trainer.test_stepper import CPU, Examples, Fits, Recipe, material
from trainer.engine import distributed
from trainer.engine.course import Aids
pixels = np.random.default_rng(0).integers(0, 255, (192, 128, 128, 3), dtype=np.uint8)
made = material.as_they_are(Examples(pixels, np.arange(192) % 3, tuple(map(str, range(192)))))
recipe = Recipe(width=16, resolution=128, batch=192, min_steps=2, steps_per_root=0.0)
fits = Fits(Path(sys.argv[1]))
now = int(Path("/proc/self/statm").read_text().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (now + 2**20 * 300, -1))  # the processes inherit it
trained = distributed.train(made, recipe, 3, seed=1, device=CPU, processes=2, aids=Aids(fits=fits))
print("ended after", trained.steps, "steps in pieces of", fits.recall(recipe, "cpu"))
"""


def test_a_batch_that_does_not_fit_one_process_is_halved_for_all(tmp_path):
    command = [sys.executable, "-c", SCARCE, str(tmp_path / "fits.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    told = done.stdout.strip().rpartition("\n")[2]
    assert told.startswith("ended after 2 steps in pieces of"), done.stdout + done.stderr
    assert int(told.split()[-1]) > 1
