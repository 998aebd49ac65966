"""The checks of decisions, run small and on made-up files."""

import csv
import gzip
import json

import numpy as np
import pytest

from trainer.curves.instances import Instance
from workbench.benchmarks.curves import adaptive_repeats, multipliers

SIZES = (64, 128, 256, 512, 1024)


def written(file, rows):
    with gzip.open(file, "wt") as lines:
        table = csv.writer(lines)
        table.writerow(("openmlid", "learner", "train_size", "seed", "error_rate"))
        table.writerows(rows)
    return file


def rows(learner, sizes, seeds):
    return [("1", learner, n, seed, 0.05 + n**-0.4 + 0.002 * seed) for n in sizes for seed in range(seeds)]


def test_incomplete_curves_are_left_aside(tmp_path):
    few_sizes, few_seeds = rows("a", SIZES[1:], 4), rows("b", SIZES, 3)
    assert list(multipliers.equals(written(tmp_path / "c.csv.gz", few_sizes + few_seeds))) == []


def test_equal_curves_are_compared_once_each(tmp_path):
    file = written(tmp_path / "c.csv.gz", rows("a", SIZES, 4) + rows("b", SIZES, 5))
    said = list(multipliers.equals(file))
    assert [0.5 < one.band.value < 2 for one in said] == [True, True]


def test_errors_in_percent_by_class_are_read(tmp_path):
    file = tmp_path / "h.json"
    file.write_text(json.dumps([{"num_train_samples": 25, "test_errors": [74.0, 75.0]}]))
    found = multipliers.hoiem(file)
    assert (found.n, found.runs) == ([2500], [[0.74, 0.75]])


@pytest.mark.parametrize(("cost", "chosen"), [(lambda n: 1.0, "N/1"), (lambda n: float(n) ** 9, "N/16")])
def test_the_size_chosen_is_told_by_its_share(cost, chosen):
    runs = [[0.05 + 1.2 * n**-0.4] for n in SIZES]
    curve = Instance("a", np.array(SIZES, float), runs, np.array([]), np.array([]), 0.9)
    assert adaptive_repeats.next_size(curve, cost) == chosen
