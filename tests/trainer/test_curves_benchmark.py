"""The estimator against public curves that are not ours; the README beside them names their sources.

A share of LCDB runs here, so bounds are a little wider than those that the whole one keeps in
`manage.py bench curves.lcdb`.
"""

import numpy as np
import pytest

from tests.trainer import public_curves
from trainer.curves import backtest, instances
from trainer.curves.backtest import METHODS
from workbench.benchmarks.curves import lccv, lcdb

OURS, LAST, POWER = METHODS
EVERY = 10


def misses(said, method):
    """Mean absolute error in points at 2, 4 and 8 times the labels."""
    return np.array([said.at(ratio).misses(method).mean() for ratio in lcdb.RATIOS])


def coverage(said):
    return np.array([said.at(ratio).coverage() for ratio in lcdb.RATIOS])


@pytest.fixture(scope="module")
def share():
    """Every tenth of 4,000 test curves of LCDB 1.1: 32 learners, data sets that no choice was made on."""
    return backtest.run(instances.read(public_curves.folder() / lcdb.FILE, EVERY))


def test_reference_predictions_are_met(share):
    file = public_curves.folder() / lcdb.REFERENCE
    assert lcdb.distance(share, file, EVERY) < 3e-5


def test_lcdb_bands_keep_their_word(share):
    assert (coverage(share) >= 0.86).all()
    assert (coverage(share) <= 0.97).all()
    assert (np.array([share.at(ratio).interval_score() for ratio in lcdb.RATIOS]) <= [21, 30, 33]).all()


def test_lcdb_forecasts_beat_the_last_value_and_the_power_law(share):
    ours = misses(share, OURS)
    assert (ours <= [2.45, 3.40, 3.80]).all()
    assert (ours < 0.9 * misses(share, LAST)).all()
    # a tenth is too few for 4x and 8x; on all 4,000 curves it loses there too: 3.51 to 3.30, 3.88 to 3.68
    assert ours[0] < misses(share, POWER)[0]


@pytest.fixture(scope="module")
def fresh():
    """All 933 cuts: played no part in any choice about the estimator."""
    return backtest.run(lccv.read(public_curves.folder() / lccv.FILE))


def test_lccv_forecasts_beat_the_power_law_by_a_fifth(fresh):
    ours = misses(fresh, OURS)
    assert [len(fresh.at(ratio).truth) for ratio in lcdb.RATIOS] == [933, 693, 485]
    assert (ours <= [1.75, 2.35, 2.90]).all()
    assert (ours <= 0.8 * misses(fresh, POWER)).all()
    assert (ours < misses(fresh, LAST)).all()


def test_lccv_bands_keep_their_word(fresh):
    assert (coverage(fresh) >= 0.87).all()
    assert (coverage(fresh) <= 0.97).all()
