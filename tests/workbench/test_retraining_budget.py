"""What automatic trainings may cost: a rolling window, and when it is free again."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from workbench.retraining.budget import Account, Budget, Spent, account, cost_s, free_at

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def ago(hours: float, seconds: float = 10.0) -> Spent:
    return Spent(NOW - timedelta(hours=hours), seconds)


def free(spent, *, trainings=1, seconds=10.0, **bounds):
    return free_at(Budget(DAY, **bounds), spent, NOW, trainings=trainings, seconds=seconds)


@pytest.mark.parametrize(
    ("spent", "more", "bounds"),
    [
        ([ago(1), ago(2)], {}, {"max_trainings": 2}),
        ([ago(1)], {"trainings": 2}, {"max_trainings": 2}),
        ([ago(1, 95)], {}, {"max_seconds": 100}),
        ([ago(1, 100)], {"seconds": None}, {"max_seconds": 100}),  # unknown cost, but the bound is reached
        ([ago(1, 0), ago(2, 0)], {}, {"max_trainings": 2, "max_seconds": 1000}),
    ],
)
def test_what_does_not_fit_has_to_wait(spent, more, bounds):
    assert free(spent, **more, **bounds) > NOW


@pytest.mark.parametrize(
    ("more", "bounds"),
    [({"trainings": 3}, {"max_trainings": 2}), ({"seconds": 101.0}, {"max_seconds": 100})],
)
def test_what_never_fits_is_not_waited_for(more, bounds):
    assert free([], **more, **bounds) is None
    assert free([ago(1)], **more, **bounds) is None


@pytest.mark.parametrize(
    ("spent", "bounds"),
    [
        ([ago(1, 1e9)] * 50, {}),
        ([ago(1)], {"max_trainings": 2}),
        ([ago(24)], {"max_trainings": 1}),  # it has just left the window
        ([ago(1, 90)], {"max_seconds": 100}),
    ],
)
def test_what_fits_may_start_now(spent, bounds):
    assert free(spent, **bounds) == NOW


def test_it_is_free_when_enough_has_left_the_window():
    spent = [ago(20, 50), ago(10, 30), ago(1, 20)]
    assert free(spent, seconds=10.0, max_seconds=100) == spent[0].at + DAY
    assert free(spent, seconds=60.0, max_seconds=100) == spent[1].at + DAY
    assert free(spent, trainings=3, seconds=None, max_trainings=3) == spent[2].at + DAY


@pytest.mark.parametrize("seed", range(5))
def test_the_moment_is_the_first_that_fits(seed):
    """Invariant: what fits at the moment did not just before it; the order of the past is no matter."""
    rng = np.random.default_rng(seed)
    spent = [ago(hours, cost) for hours, cost in rng.uniform([0, 1], [23, 40], (12, 2))]
    found = free(spent, seconds=25.0, max_seconds=120)
    held = [account(spent, DAY, moment).seconds for moment in (found, found - timedelta(seconds=1))]
    assert held[0] + 25 <= 120 < held[1] + 25
    assert free(spent[::-1], seconds=25.0, max_seconds=120) == found


def test_an_account_counts_the_window_alone():
    assert account([ago(1, 5), ago(23.9, 7), ago(24.0, 100), ago(90, 100)], DAY, NOW) == Account(2, 12)


@pytest.mark.parametrize(
    ("receipt", "cost"),
    [
        ({}, None),
        ({"device": "cpu AVX2, fp32", "duration_s": 9}, None),
        ({"device": "cpu AVX2, fp32", "duration_s": 9, "cpu_s": 8.5}, 8.5),
        ({"device": "cuda:0 NVIDIA H200, bf16", "duration_s": 9, "cpu_s": 4}, 9.0),
    ],
)
def test_a_receipt_tells_seconds_of_the_cpu_or_the_gpu(receipt, cost):
    assert cost_s(receipt) == cost
