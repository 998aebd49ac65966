"""The training benchmark at a size that takes seconds: both sides learn from the same files."""

import pytest

from workbench.benchmarks.training import digits, epoch, plain_loop


def test_the_gate_allows_half_a_point_and_no_more():
    assert epoch.holds([0.90, 0.92], [0.91, 0.92])
    assert not epoch.holds([0.90, 0.90], [0.91, 0.91])


def test_the_peer_changes_pictures_in_training_only(tmp_path):
    pictures = digits.write(tmp_path / "train", 4, test=False)
    rng = epoch.np.random.default_rng(0)
    plain = plain_loop.Folder(pictures, rng, train=False)
    changed = plain_loop.Folder(pictures, rng)
    assert (plain[0][0] == plain[0][0]).all()
    assert not (changed[0][0] == plain[0][0]).all()
    assert changed[0][0].shape == (3, digits.SIDE, digits.SIDE)


def test_both_sides_are_measured_and_told(monkeypatch):
    for name, value in (("TRAINED", 64), ("TESTED", 40), ("EPOCHS", 1), ("REPEATS", 1)):
        monkeypatch.setattr(epoch, name, value)
    outcome = epoch.epoch()
    assert len(outcome.ours.cpu_s) == len(outcome.peer.cpu_s) == 1
    assert outcome.because.startswith("accuracy ")
    assert outcome.ratio == pytest.approx(outcome.peer.cpu_s[0] / outcome.ours.cpu_s[0])
