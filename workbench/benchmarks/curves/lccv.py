"""Whether forecasts come true on curves that played no part in any choice about the estimator."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from trainer.curves import backtest
from trainer.curves.backtest import METHODS
from trainer.curves.instances import Instance
from workbench.benchmarks.curves import public
from workbench.benchmarks.curves.lcdb import RATIOS, judge
from workbench.benchmarks.registry import Verdict, check

FILE = "lccv/learningcurves.csv.gz"
LESS = 0.8  # of the mean error of pow3 least squares


@check
def lccv(data: Path | None) -> Verdict:
    """17 data sets x 17 learners (Mohr & van Rijn 2023): two seeds at N/16 to N, the mean of ten later.

    Bounds: mean absolute error 1.75, 2.35 and 2.90 points at 2N, 4N and 8N, a fifth below pow3 least
    squares; coverage of the 90 % band 0.87 to 0.97.
    """
    said = backtest.run(read(public.folder(data) / FILE))
    verdict = judge(said, mae=(1.75, 2.35, 2.90), coverage=(0.87, 0.97))
    ours, _, power = (np.array([said.at(ratio).misses(name).mean() for ratio in RATIOS]) for name in METHODS)
    below = bool((ours <= LESS * power).all())
    return Verdict(verdict.gate and below, verdict.because, verdict.table, verdict.figures)


def read(file: Path) -> list[Instance]:
    """Return every cut of every curve; which two seeds are shown is drawn with seed 0."""
    tables: dict[tuple[str, str], dict[int, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    with gzip.open(file, "rt") as lines:
        for row in csv.DictReader(lines):
            seeds = tables[row["openmlid"], row["learner"]][int(row["train_size"])]
            seeds[int(row["seed"])] = float(row["error_rate"])
    rng = np.random.default_rng(0)
    return [
        cut for (data, learner), sizes in tables.items() for cut in _cuts(f"{learner} on {data}", sizes, rng)
    ]


def _cuts(
    name: str, sizes: Mapping[int, Mapping[int, float]], rng: np.random.Generator
) -> Iterator[Instance]:
    """Yield the instances of one learner on one data set; sizes maps n to the errors of its seeds."""
    guessing = float(np.mean(list(sizes[min(sizes)].values())))
    seeds = sorted(set().union(*sizes.values()))
    for last in sorted(sizes):
        n = [last // 16, last // 8, last // 4, last // 2, last]
        complete = all(set(sizes.get(size, {})) == set(seeds) for size in n)
        truth = [np.mean(list(sizes[last * r].values())) if last * r in sizes else np.nan for r in RATIOS]
        if n[0] >= 16 and last % 16 == 0 and complete and not np.isnan(truth[0]):
            drawn = rng.permutation(seeds)[:2]
            runs = [[sizes[size][seed] for seed in drawn] for size in n]
            targets = last * np.array(RATIOS, float)
            yield Instance(f"{name}, {last}", np.array(n, float), runs, targets, np.array(truth), guessing)
