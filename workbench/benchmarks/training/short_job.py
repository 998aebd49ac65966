"""A short training in a process of its own, with as many threads as its environment says; it tells its times.

Run as `python -m workbench.benchmarks.training.short_job STEPS`; loading the libraries is not counted.
"""

import json
import sys
import time

import numpy as np

from trainer.engine import loop
from trainer.engine.device import Device
from trainer.engine.material import Material
from trainer.engine.recipe import Recipe

PICTURES, SIDE, CLASSES = 512, 32, 10


def main(steps: int) -> None:
    rng = np.random.default_rng(0)
    bank = rng.integers(0, 256, (1, PICTURES, SIDE, SIDE, 3), dtype=np.uint8)
    material = Material(bank, np.arange(PICTURES) % CLASSES, np.arange(PICTURES), enriched=False)
    recipe = Recipe(batch=64, steps_per_root=0.0, min_steps=steps)
    wall, cpu = time.perf_counter(), time.process_time()
    trained = loop.train(material, recipe, CLASSES, seed=0, device=Device("cpu", "fp32"))
    took = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    print(json.dumps({**took, "loss": trained.history[-1].loss}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
