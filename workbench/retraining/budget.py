"""What trainings that nobody asked for may cost: seconds of computing and a count, in a rolling window."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple


@dataclass(frozen=True)
class Budget:
    """The most that may be spent in any window of this length; None sets no bound."""

    window: timedelta = timedelta(days=1)
    max_seconds: float | None = None
    max_trainings: int | None = None


class Spent(NamedTuple):
    """One automatic training: when it was started, and what it has cost up to now."""

    at: datetime
    seconds: float


class Account(NamedTuple):
    """What a window holds."""

    trainings: int
    seconds: float


def cost_s(receipt: Mapping[str, object]) -> float | None:
    """Return the CPU time of a training, or the time for which it held its GPU; None if unknown."""
    on_gpu = str(receipt.get("device", "")).startswith("cuda")
    cost = receipt.get("duration_s" if on_gpu else "cpu_s")
    return float(cost) if isinstance(cost, int | float) else None


def account(spent: Iterable[Spent], window: timedelta, now: datetime) -> Account:
    """Return count and cost of the trainings that were started in the window before now."""
    inside = [one for one in spent if one.at > now - window]
    return Account(len(inside), sum(one.seconds for one in inside))


def free_at(
    budget: Budget, spent: Iterable[Spent], now: datetime, *, trainings: int, seconds: float | None
) -> datetime | None:
    """Return when so many more trainings fit that cost `seconds` together: now, later, or None for never.

    Where nobody knows what they cost (None), they fit as long as the bound is not reached.
    """
    known = list(spent)
    leaving = sorted(one.at + budget.window for one in known)
    for at in [now, *(moment for moment in leaving if moment > now)]:
        if _fits(budget, account(known, budget.window, at), trainings, seconds or 0.0):
            return at
    return None


def _fits(budget: Budget, held: Account, trainings: int, seconds: float) -> bool:
    if budget.max_trainings is not None and held.trainings + trainings > budget.max_trainings:
        return False
    if budget.max_seconds is None:
        return True
    return held.seconds < budget.max_seconds and held.seconds + seconds <= budget.max_seconds
