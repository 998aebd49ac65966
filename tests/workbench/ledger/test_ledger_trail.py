"""The figures on the way: in order, whole at both ends, and never too many."""

import functools

import pytest

from workbench.ledger import trail


def walk(*steps, start=()):
    reports = [{"stage": "training", "done": step, "values": {"loss": float(step)}} for step in steps]
    return [point["step"] for point in functools.reduce(trail.extended, reports, list(start))]


def test_a_report_without_figures_leaves_no_point():
    known = [{"step": 1, "loss": 2.0}]
    assert trail.extended(known, {"stage": "predicting", "done": 0, "values": {}}) == known


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        ([1, 2, 3], [1, 2, 3]),
        ([1, 2, 2], [1, 2]),  # the same step again: the newer figure
        ([10, 20, 30, 15], [10, 15]),  # taken up from a checkpoint
        ([10, 20, 30, 5], [5]),  # begun anew
    ],
)
def test_steps_ascend(steps, kept):
    assert walk(*steps) == kept


@pytest.mark.parametrize("length", [trail.POINTS, trail.POINTS + 1, trail.POINTS + 2, 5 * trail.POINTS])
def test_a_long_trail_is_thinned_evenly_and_keeps_its_ends(length):
    kept = walk(*range(1, length + 1))
    assert trail.POINTS / 2 <= len(kept) <= trail.POINTS
    assert (kept[0], kept[-1]) == (1, length)
    assert kept == sorted(kept)


def test_what_is_given_is_left_as_it_was():
    known = [{"step": 1, "loss": 2.0}]
    trail.extended(known, {"done": 1, "values": {"loss": 1.0}})
    assert known == [{"step": 1, "loss": 2.0}]
