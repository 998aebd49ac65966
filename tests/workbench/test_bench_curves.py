"""The checks of the forecasts, run small."""

import numpy as np
import pytest

from tests.trainer import public_curves
from trainer.curves import instances
from trainer.curves.backtest import METHODS, Said
from workbench.benchmarks.curves import lcdb, planted, public
from workbench.benchmarks.registry import NoData


def test_public_curves_are_looked_for_where_told(tmp_path):
    assert public.folder(tmp_path) == tmp_path
    with pytest.raises(NoData, match=r"no public curves at .*absent; name their folder with --data"):
        public.folder(tmp_path / "absent")


def test_bounds_are_judged_at_every_ratio():
    said = planted_said()
    loose = lcdb.judge(said, mae=(3, 3, 3), coverage=(0.5, 1.0), score=(50, 50, 50))
    assert loose.gate
    assert loose.because.startswith("6 targets, mean error 1.00 / 1.00 / 1.00 points, coverage 1.000")
    assert not lcdb.judge(said, mae=(3, 3, 0.9), coverage=(0.5, 1.0)).gate
    assert not lcdb.judge(said, mae=(3, 3, 3), coverage=(0.5, 0.9)).gate
    assert not lcdb.judge(said, mae=(3, 3, 3), coverage=(0.5, 1.0), score=(3, 50, 50)).gate


@pytest.mark.parametrize("method", METHODS[1:])
def test_a_simple_method_that_is_as_good_fails_the_gate(method):
    said = planted_said()
    said.medians[method] = said.medians[METHODS[0]]
    assert not lcdb.judge(said, mae=(3, 3, 3), coverage=(0.5, 1.0)).gate


def planted_said():
    """Two curves forecast a point too high, within bands of four points; the simple methods two points."""
    truth = np.full(6, 0.2)
    medians = {name: truth + off for name, off in zip(METHODS, (0.01, 0.02, 0.02), strict=True)}
    curve, ratio = np.repeat([0.0, 1.0], 3), np.tile([2.0, 4.0, 8.0], 2)
    return Said(curve, ratio, truth, medians, truth - 0.01, truth + 0.03, 0.0)


def test_lcdb_small(monkeypatch):
    whole = instances.read
    monkeypatch.setattr(instances, "read", lambda file: whole(file, 400))
    monkeypatch.setattr(lcdb, "distance", lambda said, file: 0.0)
    monkeypatch.setattr(lcdb, "TIMED", 5)
    public_curves.folder()
    found = lcdb.lcdb(None)
    assert len(found.table) == 14
    assert 0 < found.figures["ms"] < 1000


def test_planted_small(monkeypatch):
    monkeypatch.setattr(planted, "DRAWS", 100)
    found = planted.planted(None)
    assert found.gate, found.because
    assert [line.split()[:2] for line in found.table[1:]] == [
        ["power", "100"],
        ["flat", "100"],
        ["plateau", "100"],
    ]


def test_gains_are_those_at_four_times_the_labels():
    drawn = planted.draw(planted.power, 5, np.random.default_rng(0))
    assert drawn.truth == pytest.approx([0.05 + 0.6 * n**-0.5 for n in (2048, 4096, 8192)])
    # 0.6 (1024^-0.5 - 4096^-0.5) = 0.9 points: a point of gain is a close call
    assert ((drawn.gains > 0.02) & (drawn.gains < 0.98)).all()
