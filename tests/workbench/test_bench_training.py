"""The benchmarks of training, run small."""

import numpy as np
import pytest

from workbench.benchmarks.training import digits, epoch, neighbours, plain_loop
from workbench.benchmarks.training.neighbours import Took


@pytest.fixture
def small(monkeypatch):
    for name, value in [("TRAINED", 64), ("TESTED", 32), ("EPOCHS", 2), ("REPEATS", 2)]:
        monkeypatch.setattr(epoch, name, value)


# --- what must not happen


def test_a_point_less_of_accuracy_fails_the_gate():
    assert not epoch.holds([0.80, 0.82], [0.82, 0.82])


@pytest.mark.parametrize(
    "busy",
    [[Took(9.0, 1.6, 0.5), Took(9.0, 1.6, 0.5)], [Took(1.0, 1.0, 0.5), Took(1.0, 1.0, 0.6)]],
    ids=["too dear", "another result"],
)
def test_neighbours_that_make_a_job_dear_or_other_fail_the_gate(busy):
    assert not neighbours.holds(busy, [Took(1.0, 1.0, 0.5), Took(1.0, 1.0, 0.5)])


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


def test_a_job_beside_neighbours_may_wait_but_not_cost_more():
    assert neighbours.holds([Took(9.0, 1.4, 0.5)], [Took(1.0, 1.0, 0.5)])


def test_neighbours_small(monkeypatch):
    for name, value in [("STEPS", 2), ("NEIGHBOURS", 0), ("REPEATS", 1)]:
        monkeypatch.setattr(neighbours, name, value)
    found = neighbours.neighbours()
    assert (found.ours.name, found.peer.name, found.counts) == ("seedbed", "library defaults", "cpu")
    assert found.ours.cpu_s[0] > 0
    assert "CPU-s that it takes alone" in found.because


def test_the_neighbours_are_gone_afterwards():
    with neighbours._busy(1) as spinning:
        assert [process.poll() for process in spinning] == [None]
    assert [process.returncode for process in spinning] == [-9]
