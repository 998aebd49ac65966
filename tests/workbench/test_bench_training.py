"""The benchmarks of training, run small."""

import numpy as np
import pytest

from workbench.benchmarks.training import digits, epoch, plain_loop


@pytest.fixture
def small(monkeypatch):
    for name, value in [("TRAINED", 64), ("TESTED", 32), ("EPOCHS", 2), ("REPEATS", 2)]:
        monkeypatch.setattr(epoch, name, value)


# --- what must not happen


def test_a_point_less_of_accuracy_fails_the_gate():
    assert not epoch.holds([0.80, 0.82], [0.82, 0.82])


# --- what must happen


def test_a_few_tenths_of_a_point_are_noise():
    assert epoch.holds([0.815, 0.815], [0.82, 0.818])


def test_epoch_small(small):
    found = epoch.epoch()
    assert (found.ours.name, found.peer.name, found.counts) == ("seedbed", "DataLoader", "cpu")
    assert min(*found.ours.cpu_s, *found.peer.cpu_s) > 0
    assert "over 2 trainings each; cpu" in found.because


def test_the_peer_changes_training_pictures_only(tmp_path):
    pictures = digits.write(tmp_path / "some", 1, test=False)
    plain = plain_loop.Folder(pictures, np.random.default_rng(0), train=False)
    changed = plain_loop.Folder(pictures, np.random.default_rng(0))
    assert plain[0][0].equal(plain[0][0])
    assert not changed[0][0].equal(changed[0][0])
    assert plain[0][0].shape == changed[0][0].shape == (3, 32, 32)
