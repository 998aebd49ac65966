"""What a targeted purchase is expected to gain over pictures as they come, and whether that can be shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from trainer.curves.families import Floats
from trainer.curves.outlook import FAR, REACH, SHARES, Quantiles

DRAWS = 2000
BAND = (0.5, 0.05, 0.95)


class Gain(NamedTuple):
    """Mean recall gained, as a fraction, with its 90 % band."""

    value: float
    low: float
    high: float

    @property
    def words(self) -> str:
        value, low, high = (100 * part for part in self)
        return f"{value:+.1f} points (90 %: {low:+.1f} to {high:+.1f})"


class Plan(NamedTuple):
    """Labels of one class: today's, and what either purchase adds; its weight in the mean."""

    labels: int
    targeted: int
    as_it_comes: int
    weight: float = 1.0


@dataclass(frozen=True)
class Advantage:
    """What both purchases gain over today, and the paired difference, targeted less as it comes."""

    targeted: Gain
    as_it_comes: Gain
    difference: Gain
    cautions: tuple[str, ...] = ()

    @property
    def shown(self) -> bool:
        """Whether the band of the difference lies on one side of 0."""
        return not self.difference.low <= 0 <= self.difference.high

    @property
    def sentence(self) -> str:
        both = f"Targeted {self.targeted.words}, as it comes {self.as_it_comes.words}"
        if not self.shown:
            return f"{both}: no difference can be shown."
        return f"{both}: a difference of {self.difference.words}."


def advantage(
    forecasts: Sequence[Quantiles | None], plans: Sequence[Plan], rng: np.random.Generator
) -> Advantage | None:
    """Return the gains of both purchases in the weighted mean recall of the classes with a forecast.

    forecasts[c] is over the labels of class c itself.  A draw takes one share per class and reads all three
    sizes off that quantile: a curve that lies high today lies high later, so that gains are paired; classes
    are independent.  Nothing is gained beyond REACH times what was measured.  None without any forecast.
    """
    pairs = [(one, plan) for one, plan in zip(forecasts, plans, strict=True) if one is not None]
    weights = np.array([plan.weight for _, plan in pairs], float)
    if not weights.any():
        return None
    scores = np.array([_drawn(one, plan, rng) for one, plan in pairs])  # (K, 3, DRAWS)
    today, targeted, plain = np.tensordot(weights / weights.sum(), scores, axes=1)
    return Advantage(
        _gain(targeted - today),
        _gain(plain - today),
        _gain(targeted - plain),
        _cautions(len(plans) - len(pairs), pairs),
    )


def _drawn(forecast: Quantiles, plan: Plan, rng: np.random.Generator) -> Floats:
    """Return the recall (3, DRAWS) today, after the targeted purchase and after the other."""
    share, most = rng.uniform(size=DRAWS), _reach(forecast)
    sizes = (min(plan.labels + more, most) for more in (0, plan.targeted, plan.as_it_comes))
    return np.array([np.interp(share, SHARES, forecast.row(n)) for n in sizes])


def _reach(forecast: Quantiles) -> float:
    return forecast.n[-1] * REACH / FAR


def _gain(drawn: Floats) -> Gain:
    return Gain(*(float(value) for value in np.quantile(drawn, BAND)))


def _cautions(left_out: int, pairs: Sequence[tuple[Quantiles, Plan]]) -> tuple[str, ...]:
    far = sum(plan.labels + max(plan.targeted, plan.as_it_comes) > _reach(one) for one, plan in pairs)
    said = []
    if left_out:
        said.append(f"{_classes(left_out)} without a forecast left out of the gains.")
    if far:
        said.append(
            f"{_classes(far)} bought to more than {REACH} times what was measured: no gain beyond counted."
        )
    return tuple(said)


def _classes(count: int) -> str:
    return "1 class" if count == 1 else f"{count} classes"
