"""A training in a process of its own, for tests that kill it: `killable.py CHECKPOINT RESULT`."""

import dataclasses
import sys
from pathlib import Path

import torch

from tests.trainer.test_stepper import CPU, EVERYTHING, LABELS, PIXELS, SHAPES, Examples
from trainer.engine import loop
from trainer.engine.checkpoints import Checkpoint
from trainer.engine.course import Aids

RECIPE = dataclasses.replace(EVERYTHING, min_steps=80, steps_per_root=1.0, schedule="restarts", patience=1.0)
WATCHED = Examples(PIXELS[:12], LABELS[:12], tuple(map(str, range(12))))


def main() -> None:
    torch.set_num_threads(1)
    aids = Aids(validation=WATCHED, checkpoint=Checkpoint(Path(sys.argv[1]), every_s=0))
    trained = loop.train(
        SHAPES, RECIPE, 3, seed=4, device=CPU, aids=aids, report=lambda p: print(p.done, flush=True)
    )
    found = {
        "model": trained.model.state_dict(),
        "history": [tuple(s) for s in trained.history],
        "snapshots": list(trained.snapshots),
    }
    torch.save(found, sys.argv[2])


if __name__ == "__main__":
    main()
