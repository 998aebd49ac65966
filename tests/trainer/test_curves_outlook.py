import math

import pytest

from trainer.curves import outlook
from trainer.curves.outlook import SHARES, Law, Quantiles

# uniform on [0.5, 0.7] with 100 labels, on [0.7, 0.9] with 400
SPREAD = Quantiles((100, 400), tuple(tuple(low + 0.2 * share for share in SHARES) for low in (0.5, 0.7)))
SURE = Quantiles((100, 400), ((0.8,) * 99, (0.8,) * 99))


def test_shares_are_the_99_per_cents():
    assert (SHARES[0], SHARES[49], SHARES[-1], len(SHARES)) == (0.01, 0.5, 0.99, 99)


def test_far_lies_beyond_what_is_shown():
    assert (outlook.SHADE, outlook.REACH, outlook.FAR) == (4, 8, 16)


@pytest.mark.parametrize(
    ("n", "share", "score"),
    [
        (100, 0.5, 0.6),
        (400, 0.5, 0.8),
        (200, 0.5, 0.7),  # halfway in log n
        (100, 0.255, 0.551),
        (100, 0.0, 0.502),  # ends go on as they are
        (100, 1.0, 0.698),
        (1, 0.5, 0.6),
        (10_000, 0.5, 0.8),
    ],
)
def test_a_score_is_interpolated_in_log_n_and_in_share(n, share, score):
    assert SPREAD.at(n, share) == pytest.approx(score)


@pytest.mark.parametrize(
    ("n", "target", "chance"),
    [
        (100, 0.6, 0.5),
        (100, 0.5, 1.0),
        (100, 0.501, 0.995),  # beyond the first quantile the spacing goes on
        (100, 0.0, 1.0),
        (100, 0.7, 0.0),
        (100, 1.0, 0.0),
        (200, 0.75, 0.25),
        (1600, 0.85, 0.25),
    ],
)
def test_the_chance_of_a_target(n, target, chance):
    assert SPREAD.chance(n, target) == pytest.approx(chance, abs=1e-9)


@pytest.mark.parametrize("share", [0.01, 0.123, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("n", [100, 137, 399])
def test_score_and_chance_are_two_ways_to_read_one_row(n, share):
    assert SPREAD.chance(n, SPREAD.at(n, share)) == pytest.approx(1 - share)


@pytest.mark.parametrize(("target", "chance"), [(0.79, 1.0), (0.8, 0.99), (0.81, 0.0)])
def test_where_all_quantiles_are_equal_the_chance_is_a_step(target, chance):
    assert SURE.chance(200, target) == chance


def test_a_perfect_score_is_as_likely_as_its_quantiles_say():
    row = tuple(min(0.8 + 0.4 * share, 1.0) for share in SHARES)
    assert Quantiles((100, 200), (row, row)).chance(150, 1.0) == pytest.approx(0.5)


def test_what_was_stored_comes_back_rounded_to_a_thousandth_of_a_point():
    exact = Quantiles((3, 7), ((1 / 3,) * 99, (2 / 3,) * 99))
    back = Quantiles.from_json(exact.to_json())
    assert back == Quantiles((3, 7), ((0.33333,) * 99, (0.66667,) * 99))
    assert Quantiles.from_json(back.to_json()) == back


def test_a_law_is_read_in_labels():
    assert Law(0.05, 1.6, 0.5).error(400) == pytest.approx(0.13)
    assert math.isclose(Law(0.0, 0.3, 0.0).error(10), 0.3)
