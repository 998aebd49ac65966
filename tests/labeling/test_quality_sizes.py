"""Odd sizes and shapes: far off in plain terms, and rare among the others."""

import pytest

from labeling.quality import sizes


def named(counts):
    return {(one.width, one.height) for one in sizes.odd(counts)}


@pytest.mark.parametrize(
    "counts",
    [
        {},
        {(64, 64): 1},
        {(64, 64): 100, (64, 65): 1},
        {(640, 480): 100, (480, 640): 30},  # upright photographs
        {(100, 100): 60, (200, 200): 50},
        {(2**n, 2**n): 10 for n in range(4, 12)},  # they have every size
    ],
)
def test_what_is_usual_is_not_odd(counts):
    assert named(counts) == set()


def test_far_sizes_and_shapes_are_odd_with_the_rarest_first():
    found = sizes.odd({(640, 480): 500, (64, 48): 2, (1920, 160): 1, (6400, 4800): 3})
    assert [(one.width, one.height) for one in found] == [(1920, 160), (64, 48), (6400, 4800)]
    assert [one.reason for one in found] == [
        "1920 by 160 pixels: 9.0 times wider for its height than the usual picture.",
        "64 by 48 pixels: 100.0 times fewer pixels than the usual picture.",
        "6400 by 4800 pixels: 100.0 times more pixels than the usual picture.",
    ]


def test_what_is_odd_in_both_respects_is_told_twice():
    size, shape = sizes.odd({(100, 100): 50, (10, 40): 1})
    assert (size.kind, size.value) == ("odd_size", pytest.approx(0.04))
    assert (shape.kind, shape.value) == ("odd_aspect", pytest.approx(0.25))
    assert size.reason.endswith(": 25.0 times fewer pixels than the usual picture.")
    assert shape.reason.endswith(": 4.0 times narrower for its height than the usual picture.")
