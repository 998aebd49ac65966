"""A forecast of our own trainings on pictures, and what became of it."""

from pathlib import Path

import numpy as np

from trainer.curves import design, forecast
from trainer.curves.design import Cell
from trainer.curves.outlook import Forecast, Quantiles
from trainer.engine import device, inference, loop, material
from trainer.engine.device import Device
from trainer.engine.material import Examples
from trainer.engine.recipe import NAMED
from workbench.benchmarks.gpu import sets
from workbench.benchmarks.gpu.sets import Set
from workbench.benchmarks.registry import NoData, Verdict, check

LARGEST, SIZES, REPEATS, SEED = 20_000, 8, 2, 0
FITTED = 5  # sizes that the forecast sees; the others are 2, 4 and 8 times its largest
MOST_OFF = 0.01  # of the median: one point
CHANCE_ERROR = 0.9


@check
def fashion(data: Path | None) -> Verdict:
    """The recipe "plain" on 156 to 20,000 pictures of Fashion-MNIST by doubling, 2 trainings each.

    The forecast is made from the first five sizes; at 5,000, 10,000 and 20,000 labels the mean of the two
    trainings has to lie in its 90 % band, and the median may be one point off.  All are measured on the
    10,000 test pictures; nested, class-stratified subsets as for any curve, seeds from design.cells.
    """
    pictures = sets.fashion(data)
    if pictures is None:
        raise NoData("Fashion-MNIST is not here: --data names the folder that holds its four IDX files.")
    chosen = device.pick()
    errors = _errors(pictures, chosen)
    n = sorted(errors)
    said = forecast.forecast(
        n[:FITTED],
        [errors[size] for size in n[:FITTED]],
        chance_error=CHANCE_ERROR,
        n_test=len(pictures.unseen.labels),
    )
    quantiles = said.quantiles
    assert quantiles is not None  # five sizes over a factor of 16
    became = {size: 1 - float(np.mean(errors[size])) for size in n}
    ahead = n[FITTED:]
    inside = [quantiles.at(size, 0.05) <= became[size] <= quantiles.at(size, 0.95) for size in ahead]
    stays = max(became[size] - said.last_value for size in ahead)
    off = [abs(quantiles.at(size, 0.5) - became[size]) for size in ahead]
    because = (
        f"{sum(inside)} of {len(ahead)} in the 90 % band, median at most {100 * max(off):.2f} points off, "
        f"the last value {100 * stays:.2f}; {chosen.describe()}"
    )
    return Verdict(all(inside) and max(off) <= MOST_OFF, because, _table(errors, said, quantiles))


def _errors(pictures: Set, chosen: Device) -> dict[int, list[float]]:
    """Return the errors of all trainings by number of labels."""
    known = pictures.known
    keys = [f"{row:05d}" for row in range(len(known.labels))]
    pool = design.order(keys, known.labels, np.random.default_rng(SEED))[:LARGEST]
    sizes = [round(LARGEST / 2**k) for k in reversed(range(SIZES))]
    cells = design.cells([keys[row] for row in pool], known.labels[pool], sizes, [REPEATS] * SIZES, seed=SEED)
    errors: dict[int, list[float]] = {}
    for cell in cells:
        errors.setdefault(cell.n, []).append(_error(pictures, pool[cell.rows], cell, chosen))
    return errors


def _error(pictures: Set, rows: design.Rows, cell: Cell, chosen: Device) -> float:
    known, unseen = pictures
    examples = Examples(known.pixels[rows], known.labels[rows], tuple(map(str, rows)))
    trained = loop.train(material.as_they_are(examples), NAMED["plain"], 10, seed=cell.seed, device=chosen)
    calls = inference.predict(trained.model, unseen.pixels, chosen).argmax(1)
    return float((calls != unseen.labels).mean())


def _table(errors: dict[int, list[float]], said: Forecast, quantiles: Quantiles) -> tuple[str, ...]:
    lines = ["labels   trainings          mean    forecast (90 % band)"]
    for place, (n, values) in enumerate(sorted(errors.items())):
        scores = "  ".join(f"{100 * (1 - value):.2f}" for value in values)
        low, median, high = (100 * quantiles.at(n, share) for share in (0.05, 0.5, 0.95))
        ahead = f"{median:.2f} ({low:.2f} to {high:.2f})" if place >= FITTED else "fitted"
        lines.append(f"{n:>6}   {scores:<16}  {100 * (1 - np.mean(values)):.2f}   {ahead}")
    return (*lines, *said.flags)
