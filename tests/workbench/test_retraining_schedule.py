"""When the clock asks: each moment once, in winter and in summer."""

import itertools
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from workbench.retraining.schedule import Hours, Wall, last_due, next_due

BERLIN, NOWHERE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
NIGHT = Wall(time(2, 30))  # the clock of Berlin skips it in spring and shows it twice in autumn
MONDAYS = Wall(time(6), weekday=0)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "since", "now"),
    [
        (Hours(6), "2026-03-01 00:00", "2026-03-01 05:59"),
        (NIGHT, "2026-01-10 01:30", "2026-01-11 01:29"),  # since that very moment: it was answered
        (MONDAYS, "2026-01-05 06:00", "2026-01-12 05:59"),
        (NIGHT, "2026-10-25 00:30", "2026-10-25 01:30"),  # 02:30 for the second time that night
    ],
)
def test_nothing_is_due_too_early_or_twice(schedule, since, now):
    zone = NOWHERE if schedule == MONDAYS else BERLIN
    assert last_due(schedule, at(since), at(now), zone) is None


@pytest.mark.parametrize(
    ("schedule", "zone", "after", "due"),
    [
        (Hours(1), BERLIN, "2026-03-29 00:30", "2026-03-29 01:30"),  # hours pass the same in every season
        (Wall(time(3)), NOWHERE, "2026-11-23 02:59", "2026-11-23 03:00"),
        (Wall(time(3)), NOWHERE, "2026-11-23 03:00", "2026-11-24 03:00"),
        (NIGHT, BERLIN, "2026-01-10 12:00", "2026-01-11 01:30"),  # winter: UTC + 1
        (NIGHT, BERLIN, "2026-07-10 12:00", "2026-07-11 00:30"),  # summer: UTC + 2
        (NIGHT, BERLIN, "2026-03-28 12:00", "2026-03-29 01:30"),  # skipped: 03:30 of the new time
        (NIGHT, BERLIN, "2026-03-29 01:30", "2026-03-30 00:30"),
        (NIGHT, BERLIN, "2026-10-24 12:00", "2026-10-25 00:30"),  # the first of the two
        (NIGHT, BERLIN, "2026-10-25 00:30", "2026-10-26 01:30"),
        (MONDAYS, NOWHERE, "2026-11-23 06:00", "2026-11-30 06:00"),
        (MONDAYS, NOWHERE, "2026-11-24 06:00", "2026-11-30 06:00"),
        (Wall(time(0), 6), ZoneInfo("Pacific/Kiritimati"), "2026-11-21 09:59", "2026-11-21 10:00"),
        (Wall(time(23, 59), 6), ZoneInfo("Pacific/Pago_Pago"), "2026-11-23 10:58", "2026-11-23 10:59"),
    ],
)
def test_the_next_moment(schedule, zone, after, due):
    assert next_due(schedule, at(after), zone) == at(due)


@pytest.mark.parametrize(
    ("schedule", "since", "now", "due"),
    [
        (Hours(6), "2026-03-01 00:00", "2026-03-05 00:00", "2026-03-01 06:00"),
        (NIGHT, "2026-03-01 12:00", "2026-03-20 12:00", "2026-03-20 01:30"),
        (MONDAYS, "2026-01-01 00:00", "2026-03-03 00:00", "2026-03-02 05:00"),
    ],
)
def test_of_many_missed_moments_one_is_caught_up(schedule, since, now, due):
    assert last_due(schedule, at(since), at(now), BERLIN) == at(due)
    assert last_due(schedule, at(now), at(now), BERLIN) is None


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata"])
@pytest.mark.parametrize("schedule", [NIGHT, Wall(time(0)), MONDAYS])
def test_through_a_year_next_and_last_agree_and_no_moment_is_lost(schedule, zone):
    days, here = 7 if schedule == MONDAYS else 1, ZoneInfo(zone)
    moments = [at("2026-01-01 00:00")]
    while moments[-1] < at("2027-01-01 00:00"):
        moments.append(next_due(schedule, moments[-1], here))
    steps = [later - earlier for earlier, later in itertools.pairwise(moments[1:])]
    assert {round(step / timedelta(days=days)) for step in steps} == {1}
    assert max(abs(step - timedelta(days=days)) for step in steps) <= timedelta(hours=1)
    assert [last_due(schedule, moments[0], moment, here) for moment in moments[1:]] == moments[1:]


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Hours(1), "every hour"),
        (Hours(12), "every 12 hours"),
        (NIGHT, "every day at 02:30"),
        (MONDAYS, "every Monday at 06:00"),
    ],
)
def test_a_schedule_in_words(schedule, words):
    assert str(schedule) == words
