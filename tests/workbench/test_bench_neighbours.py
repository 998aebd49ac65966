"""The benchmark of a training beside busy neighbours, run small."""

import pytest

from workbench.benchmarks.training import neighbours
from workbench.benchmarks.training.neighbours import Took

ALONE = [Took(1.0, 1.0, 0.5), Took(1.0, 1.0, 0.5)]

# --- what must not happen


@pytest.mark.parametrize(
    "busy",
    [[Took(9.0, 1.6, 0.5), Took(9.0, 1.6, 0.5)], [Took(1.0, 1.0, 0.5), Took(1.0, 1.0, 0.6)]],
    ids=["too dear", "another result"],
)
def test_a_dearer_job_and_another_result_fail_the_gate(busy):
    assert not neighbours.holds(busy, ALONE)


def test_the_neighbours_are_gone_afterwards():
    with neighbours._busy(1) as spinning:
        assert [process.poll() for process in spinning] == [None]
    assert [process.returncode for process in spinning] == [-9]


# --- what must happen


def test_a_job_beside_neighbours_may_wait():
    assert neighbours.holds([Took(9.0, 1.4, 0.5), Took(9.0, 1.4, 0.5)], ALONE)


def test_all_three_are_measured_and_told(monkeypatch):
    for name, value in [("STEPS", 2), ("NEIGHBOURS", 0), ("REPEATS", 1)]:
        monkeypatch.setattr(neighbours, name, value)
    found = neighbours.neighbours()
    assert (found.ours.name, found.peer.name, found.counts) == ("seedbed", "library defaults", "cpu")
    assert found.ours.cpu_s[0] > 0
    assert "CPU-s that it takes alone" in found.because
