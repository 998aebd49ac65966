"""What training a small network costs, from photographs as users have them to weights."""

import tempfile
from pathlib import Path

from trainer.engine.recipe import Recipe
from workbench.benchmarks.registry import Outcome, benchmark
from workbench.benchmarks.training import digits, sides

TRAINED, TESTED = 2048, 1000
BATCH, EPOCHS, REPEATS = 64, 8, 5
SIDE = 32  # pixels that both sides train on


@benchmark(target=4.0)
def photographs() -> Outcome:
    """The peer is that of `training.epoch`: a DataLoader, Pillow for each picture, an fp32 loop.

    Files are JPEGs of 256 to 500 pixels a side, a digit before noise of photographs' spectrum; both sides
    shrink them to 32 pixels, by anti-aliased bilinear.  The peer decodes each picture in each epoch, as
    tutorials do; ours once, into an empty cache, and that is counted.  2,048 files, 8 epochs, 256 steps of
    64.  More epochs would widen the ratio, workers would not change it.
    The gate: over the trainings, ours names unseen digits of other people at most half a point worse.
    """
    recipe = Recipe(
        resolution=SIDE,
        batch=BATCH,
        steps_per_root=0.0,
        min_steps=EPOCHS * TRAINED // BATCH,
        policy="shift-flip-color",
    )
    with tempfile.TemporaryDirectory(prefix="seedbed-bench-") as place:
        known = digits.write_photographs(Path(place, "train"), TRAINED, test=False)
        unseen = digits.write_photographs(Path(place, "test"), TESTED, test=True)
        return sides.compare(known, unseen, recipe, REPEATS, Path(place))
