"""Whether multipliers are found where they were published, and not where there are none."""

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from trainer.curves import fit, multiplier
from trainer.curves.multiplier import Measured, Multiplier
from workbench.benchmarks.curves import public
from workbench.benchmarks.registry import Verdict, check

LCCV = "lccv/learningcurves.csv.gz"
BASE, TRICK = "hoiem2021/no_pretr_ft.json", "hoiem2021/pretr_ft.json"
PUBLISHED = {2_500: 4.4, 10_000: 4.7, 40_000: 3.6}  # labels of CIFAR-100, and what pretraining is worth
CHANCE = 0.99
FAIR = 0.13  # of equal curves that 90 % bands may tell apart: 0.1 and a standard error, n = 164


@check
def multipliers(data: Path | None) -> Verdict:
    """Pretraining on CIFAR-100 within a tenth of its published worth; few equal curves told apart.

    Equal curves are the same learner on the same data, two seeds against two others, at N/16 to N: every
    complete curve of LCCV (Mohr & van Rijn 2023), its largest N.
    """
    folder = public.folder(data)
    base, trick = hoiem(folder / BASE), hoiem(folder / TRICK)
    fits = fit.fit(base.points, CHANCE), fit.fit(trick.points, CHANCE)
    bands = {n: multiplier.at(*fits, n) for n in PUBLISHED}
    near = all(abs(band.value / PUBLISHED[n] - 1) <= 0.1 for n, band in bands.items())
    said = list(equals(folder / LCCV))
    apart = float(np.mean([one.band is not None and one.band.shown for one in said]))
    table = [f"{n:>6} labels: {band.words}, published {PUBLISHED[n]}" for n, band in bands.items()]
    table.append(multiplier.compare(base, trick, chance_error=CHANCE).sentence)
    because = f"{100 * apart:.1f} % of {len(said)} equal curves told apart"
    return Verdict(near and apart <= FAIR, because, tuple(table), {"apart": apart})


def hoiem(file: Path) -> Measured:
    """Return a curve of Hoiem et al. 2021: errors in %, sizes by class of 100."""
    rows = json.loads(file.read_text())
    runs = [[error / 100 for error in row["test_errors"]] for row in rows]
    return Measured([100 * row["num_train_samples"] for row in rows], runs, 10_000)


def equals(file: Path) -> Iterator[Multiplier]:
    """Yield what is said of equal curves, those aside that carry no forecast."""
    tables: dict[tuple[str, str], dict[int, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    with gzip.open(file, "rt") as lines:
        for row in csv.DictReader(lines):
            runs = tables[row["openmlid"], row["learner"]][int(row["train_size"])]
            runs[int(row["seed"])] = float(row["error_rate"])
    for sizes in tables.values():
        yield from _equal(sizes)


def _equal(sizes: dict[int, dict[int, float]]) -> Iterator[Multiplier]:
    """Yield what is said of one learner on one data set; sizes maps n to the errors of its seeds."""
    seeds = sorted(set().union(*sizes.values()))
    complete = [size for size in sorted(sizes) if set(sizes[size]) == set(seeds)]
    n = [complete[-1] // 2**k for k in (4, 3, 2, 1, 0)]
    if len(seeds) < 4 or complete[-1] % 16 or not set(n) <= set(complete):
        return
    ours, theirs = (
        Measured(n, [[sizes[size][seed] for seed in pair] for size in n]) for pair in (seeds[:2], seeds[2:4])
    )
    guessing = float(np.mean(list(sizes[min(sizes)].values())))
    if not multiplier.refusal(ours, theirs):
        yield multiplier.compare(ours, theirs, chance_error=guessing)
