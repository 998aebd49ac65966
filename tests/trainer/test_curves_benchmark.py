"""The estimator against public curves that are not ours; the README beside them names their sources.

A share of each benchmark runs here, so bounds are a little wider than those that the whole one keeps.
"""

import csv
import gzip
import os
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from scipy.optimize import nnls

from trainer.curves import fit
from trainer.curves.forecast import QUANTILES

ROOT = Path(__file__).resolve().parents[2]
PLACES = [ROOT / "shared/data/curves", ROOT.parent / "shared/data/curves"]
RATIOS = (2, 4, 8)
RATES = np.geomspace(0.05, 2, 32)


class Instance(NamedTuple):
    """A curve cut at its fifth size, and what came after: nan where the curve ends."""

    n: np.ndarray
    runs: list
    target_n: np.ndarray
    truth: np.ndarray
    chance_error: float


class Scores(NamedTuple):
    """What was said of every instance and ratio, (I, 3) each, and what the simple methods said."""

    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    truth: np.ndarray
    power: np.ndarray
    last: np.ndarray

    def error(self, said):
        """Mean absolute error in points, per ratio."""
        return 100 * np.nanmean(np.abs(said - self.truth), axis=0)

    def coverage(self):
        inside = (self.low <= self.truth) & (self.truth <= self.high)
        return np.nanmean(np.where(np.isnan(self.truth), np.nan, inside), axis=0)

    def interval_score(self):
        """Width plus 20 times what a 90 % band missed by, in points, per ratio (Gneiting & Raftery 2007)."""
        under, over = np.maximum(self.low - self.truth, 0), np.maximum(self.truth - self.high, 0)
        return 100 * np.nanmean(self.high - self.low + 20 * (under + over), axis=0)


def score(instances):
    rows = [(*said(i), i.truth, power_law(i), np.full(3, np.mean(i.runs[-1]))) for i in instances]
    return Scores(*(np.array(column) for column in zip(*rows, strict=True)))


def said(instance):
    mixture = fit.fit(fit.summarize(instance.n, instance.runs), instance.chance_error).at(instance.target_n)
    low, median, high = np.clip(mixture.quantiles(QUANTILES), 0, 1)
    return median, low, high


def power_law(instance):
    """Ordinary least squares of floor + scale * n^-b, floor and scale not negative: the usual method."""
    x = instance.n / instance.n[-1]
    error = np.array([np.mean(errors) for errors in instance.runs])
    found = [(*nnls(np.column_stack([np.ones(5), x**-rate]), error)[::-1], rate) for rate in RATES]
    _, (floor, scale), rate = min(found, key=lambda row: row[0])
    return floor + scale * (instance.target_n / instance.n[-1]) ** -rate


@pytest.fixture(scope="module")
def folder():
    found = [place for place in PLACES if place.is_dir()]
    if not found:
        sentence = f"the public curves are not at {PLACES[0]}"
        pytest.fail(sentence) if os.environ.get("CI") else pytest.skip(sentence)
    return found[0]


@pytest.fixture(scope="module")
def lcdb(folder):
    """Every tenth of 4,000 test curves of LCDB 1.1: 32 learners, data sets that no choice was made on."""
    rows = np.load(folder / "lcdb11_extrap_benchmark.npz")
    columns = {name: rows[name] for name in ("n", "errors", "target_n", "target_error", "chance_error")}
    taken = np.flatnonzero(rows["split"] == "test")[::10]
    return taken, [
        Instance(
            columns["n"][i],
            [run[~np.isnan(run)].astype(float) for run in columns["errors"][i]],
            columns["target_n"][i],
            columns["target_error"][i],
            float(columns["chance_error"][i]),
        )
        for i in taken
    ]


@pytest.fixture(scope="module")
def lcdb_scores(lcdb):
    return score(lcdb[1])


def test_reference_predictions_are_met(folder, lcdb, lcdb_scores):
    reference = np.load(folder / "lcdb11_extrap_reference_predictions.npz")
    for name, ours in (("median", lcdb_scores.median), ("lo90", lcdb_scores.low), ("hi90", lcdb_scores.high)):
        theirs = np.clip(reference[name][lcdb[0]], 0, 1)  # stored in float32, ends not clipped
        np.testing.assert_allclose(ours, theirs, atol=3e-5, err_msg=name)


def test_lcdb_bands_keep_their_word(lcdb_scores):
    assert (lcdb_scores.coverage() >= 0.86).all()
    assert (lcdb_scores.coverage() <= 0.97).all()
    assert (lcdb_scores.interval_score() <= [21, 30, 33]).all()


def test_lcdb_forecasts_beat_the_last_value_and_the_power_law(lcdb_scores):
    ours = lcdb_scores.error(lcdb_scores.median)
    assert (ours <= [2.45, 3.40, 3.80]).all()
    assert (ours < 0.9 * lcdb_scores.error(lcdb_scores.last)).all()
    # a tenth is too few for 4x and 8x; on all 4,000 curves it loses there too: 3.51 to 3.31, 3.88 to 3.69
    assert ours[0] < lcdb_scores.error(lcdb_scores.power)[0]


@pytest.fixture(scope="module")
def lccv(folder):
    """Two random seeds of five sizes N/16 .. N against the mean of ten at 2N, 4N, 8N.

    17 data sets x 17 learners (Mohr & van Rijn 2023); played no part in any choice about the estimator.
    """
    table = defaultdict(lambda: defaultdict(dict))
    with gzip.open(folder / "lccv/learningcurves.csv.gz", "rt") as lines:
        for row in csv.DictReader(lines):
            seeds = table[row["openmlid"], row["learner"]][int(row["train_size"])]
            seeds[int(row["seed"])] = float(row["error_rate"])
    rng = np.random.default_rng(0)
    return score([cut for sizes in table.values() for cut in _cuts(sizes, rng)])


def _cuts(sizes, rng):
    """Return the instances of one learner on one data set; sizes maps n to the errors of its seeds."""
    guessing = float(np.mean(list(sizes[min(sizes)].values())))
    seeds = sorted(set().union(*sizes.values()))
    for last in sorted(sizes):
        n = [last // 16, last // 8, last // 4, last // 2, last]
        complete = all(set(sizes.get(size, {})) == set(seeds) for size in n)
        ahead = [np.mean(list(sizes[last * r].values())) if last * r in sizes else np.nan for r in RATIOS]
        if n[0] >= 16 and last % 16 == 0 and complete and not np.isnan(ahead[0]):
            drawn = rng.permutation(seeds)[:2]
            runs = [[sizes[size][seed] for seed in drawn] for size in n]
            yield Instance(np.array(n), runs, last * np.array(RATIOS), np.array(ahead), guessing)


def test_lccv_forecasts_beat_the_power_law_by_a_fifth(lccv):
    ours = lccv.error(lccv.median)
    assert (ours <= [1.75, 2.35, 2.90]).all()
    assert (ours < 0.8 * lccv.error(lccv.power)).all()
    assert (ours < lccv.error(lccv.last)).all()


def test_lccv_bands_keep_their_word(lccv):
    assert (lccv.coverage() >= 0.87).all()
    assert (lccv.coverage() <= 0.97).all()
