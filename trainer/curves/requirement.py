"""How many labels a target takes, and how many of them to buy now.

A requirement is a distribution, bought in rounds: half a chance is enough while another round may follow,
the last one must suffice.  Source: Mahmood et al. 2022, "Optimizing data collection for machine learning".
Unlike there, the chance of reaching the target is read off a stored forecast, not bootstrapped.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil

from trainer.curves.ceiling import Ceiling
from trainer.curves.chances import CAP, EARLIER_RISK, Chances, chances
from trainer.curves.cost import UNKNOWN, Bill, Cost
from trainer.curves.outlook import FAR, REACH, Forecast, Quantiles

RISK = 0.2  # of missing the target after the last round
ROUNDS = 3
PLATEAU_CAP = 2  # instead of CAP where the curve may have leveled off: a doubling settles it
HOPELESS = 0.2  # chance with FAR times the labels, below which a target counts as out of reach
MIDDLE_80 = (0.1, 0.9)


@dataclass(frozen=True)
class Ask:
    """A score to reach, with what risk of missing it, in how many purchases (this one included)."""

    target: float
    risk: float = RISK
    rounds: int = ROUNDS

    def __post_init__(self) -> None:
        if not 0 < self.target < 1:
            raise ValueError(f"the target must lie in (0, 1), got {self.target}")
        if not 0 < self.risk <= EARLIER_RISK:
            raise ValueError(f"risk must lie in (0, {EARLIER_RISK}], got {self.risk}")
        if self.rounds < 1:
            raise ValueError(f"at least one round is needed, got {self.rounds}")


class Verdict(StrEnum):
    REACHED = "reached"
    WITHIN = "within"  # labels can be named
    TOO_FAR = "too far"  # more than can be said
    UNREACHABLE = "unreachable"
    ABOVE_CEILING = "above ceiling"
    REFUSED = "refused"


@dataclass(frozen=True)
class Need:
    """Additional labels until a target, rounded to two digits; None where that is more than can be said.

    `middle` suffices with even odds, `safe` with the confidence that was asked for; low to high is the
    middle 80 %.  `purchase` is what to buy now, 0 where nothing helps, and `chance` that it suffices.
    """

    verdict: Verdict
    ask: Ask
    now: int  # labels of today
    measured: int = 0  # labels of the largest training
    cost: Cost = UNKNOWN
    middle: int | None = None
    low: int | None = None
    high: int | None = None
    safe: int | None = None
    purchase: int = 0
    chance: float = 0.0
    of: str = ""  # the class that the labels are of, where it is one class's recall that is asked for
    why: str = ""
    cautions: tuple[str, ...] = ()

    @property
    def further(self) -> int:
        """Additional labels up to which anything is said."""
        return REACH * self.measured - self.now

    @property
    def bill(self) -> Bill:
        """The cost of the middle figure; of nothing where there is none."""
        return self.cost.of(self.middle or 0)

    @property
    def safe_bill(self) -> Bill:
        return self.cost.of(self.safe or 0)

    @property
    def purchase_bill(self) -> Bill:
        return self.cost.of(self.purchase)

    @property
    def sentence(self) -> str:
        """The answer in words, true in every case."""
        return _SENTENCES[self.verdict](self)

    @property
    def advice(self) -> str:
        """What to buy now, in words; "" where nothing is to be bought."""
        if not self.purchase:
            return ""
        later = self.ask.rounds - 1
        follows = f"then train again; up to {later} more may follow" if later else "the last purchase"
        return (
            f"Buy {labels(self.purchase, self.of)} now{costing(self.purchase_bill)}: "
            f"enough with a chance of {percent(self.chance)}; {follows}."
        )


def of_forecast(
    forecast: Forecast,
    now: int,
    ask: Ask,
    *,
    cost: Cost = UNKNOWN,
    ceiling: Ceiling | None = None,
    of: str = "",
) -> Need:
    """Return what a forecast says about a target; where it was refused, that is the answer."""
    if forecast.quantiles is None:
        older = "This forecast was kept by an older version: compute the curve again."
        why = forecast.refused or (older if forecast.steps else "There is no forecast yet.")
        return Need(Verdict.REFUSED, ask, now, cost=cost, of=of, why=why)
    return need(forecast.quantiles, now, ask, cost=cost, ceiling=ceiling, plateau=forecast.plateau, of=of)


def need(
    quantiles: Quantiles,
    now: int,
    ask: Ask,
    *,
    cost: Cost = UNKNOWN,
    ceiling: Ceiling | None = None,
    plateau: bool = False,
    of: str = "",
) -> Need:
    """Return how many labels beyond the `now` that are there take the score to ask.target.

    A class's recall is foreseen over the labels of that class, and so asked for; `of` names it.
    plateau says that the last two measured sizes cannot be told apart; ceiling is that of audited labels.
    Raises ValueError where now is not positive.
    """
    if now < 1:
        raise ValueError(f"there must be labels today, got {now}")
    found = Need(Verdict.REFUSED, ask, now, round(quantiles.n[-1] / FAR), cost, of=of)
    if found.further <= 0:
        return replace(found, why=_outgrown(found))
    curve = chances(quantiles, now, ask.target)
    if curve.chance[0] >= 1 - ask.risk:
        return replace(found, verdict=Verdict.REACHED, chance=float(curve.chance[0]))
    if ceiling is not None and ask.target > ceiling.score.high:
        return replace(found, verdict=Verdict.ABOVE_CEILING, why=ceiling.sentence)
    if curve.chance[-1] < HOPELESS:
        return replace(found, verdict=Verdict.UNREACHABLE)
    return _in_labels(found, curve, plateau, _cautions(ask, ceiling, plateau))


def _in_labels(found: Need, curve: Chances, plateau: bool, cautions: tuple[str, ...]) -> Need:
    def more(share: float, rounded: Callable[[float], int]) -> int | None:
        total = curve.first(share)
        return None if total is None or total > found.now + found.further else rounded(total - found.now)

    middle = more(0.5, _rough)
    purchase = _purchase(found, curve, PLATEAU_CAP if plateau else CAP)
    return replace(
        found,
        verdict=Verdict.TOO_FAR if middle is None else Verdict.WITHIN,
        middle=middle,
        low=more(MIDDLE_80[0], _rough),
        high=more(MIDDLE_80[1], _rough),
        safe=more(1 - found.ask.risk, _rough_up),
        purchase=purchase,
        chance=curve.at(found.now + purchase),
        cautions=cautions,
    )


def _purchase(found: Need, curve: Chances, cap: float) -> int:
    total, must_suffice = curve.purchase(found.ask.risk, found.ask.rounds, cap)
    most = min(int((cap - 1) * found.now), found.further)
    return min((_rough_up if must_suffice else _rough)(total - found.now), most)


def _cautions(ask: Ask, ceiling: Ceiling | None, plateau: bool) -> tuple[str, ...]:
    said = []
    if plateau:
        said.append(
            "The last two sizes cannot be told apart: accuracy may have leveled off, "
            "and then no number of labels is enough."
        )
    if ceiling is not None and ask.target > ceiling.score.low:
        said.append(f"{score(ask.target)} may lie above what can be measured. {ceiling.sentence}")
    return tuple(said)


def _rough(count: float) -> int:
    """Return a count in two digits: no forecast knows the third."""
    return round(count / _step(count)) * _step(count)


def _rough_up(count: float) -> int:
    return ceil(round(count / _step(count), 6)) * _step(count)


def _step(count: float) -> int:
    return int(10 ** max(len(str(int(count))) - 2, 0))


def _reached(found: Need) -> str:
    return (
        f"{score(found.ask.target)} is reached already with today's {labels(found.now, found.of)}, "
        f"with a chance of {percent(found.chance)}."
    )


def _within(found: Need) -> str:
    low = f"{found.low or 0:,}"
    high = f"more than {found.further:,}" if found.high is None else f"{found.high:,}"
    if found.middle == 0:
        return (
            f"{score(found.ask.target)} is probably reached with today's {labels(found.now, found.of)}, "
            f"but it may take more (80 %: {low} to {high})."
        )
    more = labels(found.middle or 0, found.of, "more ")
    return f"{more} (80 %: {low} to {high}){costing(found.bill)}, for {score(found.ask.target)}."


def _too_far(found: Need) -> str:
    return (
        f"{score(found.ask.target)} probably takes more than {REACH} times the "
        f"{labels(found.measured, found.of)} of the largest training: too far to say how many."
    )


def _unreachable(found: Need) -> str:
    return (
        f"{score(found.ask.target)} is not reachable with this recipe: even {FAR} times the "
        f"{labels(found.measured, found.of)} of the largest training would hardly do."
    )


def _above_ceiling(found: Need) -> str:
    return f"{score(found.ask.target)} lies above what can be measured. {found.why}"


_SENTENCES: dict[Verdict, Callable[[Need], str]] = {
    Verdict.REACHED: _reached,
    Verdict.WITHIN: _within,
    Verdict.TOO_FAR: _too_far,
    Verdict.UNREACHABLE: _unreachable,
    Verdict.ABOVE_CEILING: _above_ceiling,
    Verdict.REFUSED: lambda found: found.why,
}


def _outgrown(found: Need) -> str:
    return (
        f"Today's {labels(found.now, found.of)} are {REACH} times the {labels(found.measured, found.of)} "
        "of the largest training or more: train the curve again."
    )


def labels(count: int, of: str = "", more: str = "") -> str:
    return f"{count:,} {more}label{'s' * (count != 1)}{f' of {of}' if of else ''}"


def costing(bill: Bill) -> str:
    return f", about {bill.words}" if bill.words else ""


def score(value: float) -> str:
    return f"{round(100 * value, 2):g} %"


def percent(chance: float) -> str:
    """Return a chance in words that promise nothing: never 0 nor 100 %."""
    if chance < 0.01:
        return "under 1 %"
    return "over 99 %" if chance > 0.99 else f"{100 * chance:.0f} %"
