"""When the clock asks for a training: every so many hours, or on days at a time of the wall clock."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAY = timedelta(days=1)
FAR = 9  # days in which a weekly time comes at least once, wherever the zone's day begins


@dataclass(frozen=True)
class Hours:
    """So many hours after the last training."""

    hours: int

    def __str__(self) -> str:
        return "every hour" if self.hours == 1 else f"every {self.hours} hours"


@dataclass(frozen=True)
class Wall:
    """At a time of the wall clock: every day, or on one day of the week."""

    at: time
    weekday: int | None = None  # 0 is Monday

    def __str__(self) -> str:
        day = "day" if self.weekday is None else DAYS[self.weekday]
        return f"every {day} at {self.at:%H:%M}"


Schedule = Hours | Wall


def next_due(schedule: Schedule, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first due moment later than `after`, in UTC."""
    if isinstance(schedule, Hours):
        return after + timedelta(hours=schedule.hours)
    first = after.astimezone(zone).date() - DAY
    moments = (_moment(schedule, first + n * DAY, zone) for n in range(FAR + 1))
    return next(at for at in moments if at is not None and at > after)


def last_due(schedule: Schedule, since: datetime, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the latest due moment in (since, now], or None.

    The ones before it were missed: a machine that was off catches up once.
    """
    if isinstance(schedule, Hours):
        due = next_due(schedule, since, zone)
        return due if due <= now else None
    latest = now.astimezone(zone).date() + DAY
    moments = (_moment(schedule, latest - n * DAY, zone) for n in range(FAR + 1))
    return next((at for at in moments if at is not None and since < at <= now), None)


def _moment(schedule: Wall, day: date, zone: ZoneInfo) -> datetime | None:
    """Return the due moment of a day of the wall clock, in UTC.

    A time that the clock skips in spring comes as much later as it skips; of a time that comes twice in
    autumn the first counts (PEP 495, fold 0).
    """
    if schedule.weekday not in (None, day.weekday()):
        return None
    return datetime.combine(day, schedule.at, tzinfo=zone).astimezone(UTC)
