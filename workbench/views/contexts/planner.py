"""What the purchase planner shows: the need in a sentence, its bill, and which classes to buy."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from labeling.models import Dataset
from labeling.services import pace as paces
from trainer.curves.cost import Bill
from trainer.models import Curve
from trainer.services import outlooks
from workbench.charts.frame import METRICS
from workbench.services import planning
from workbench.services.planning import ClassPlan, Outcome, Plan, Wish
from workbench.views.contexts import curves
from workbench.views.contexts.curves import CurveRow

ROUND = 0.005  # a target is proposed in half points
AMBITION = 2  # times the labels of today: what is proposed is expected there


@dataclass(frozen=True)
class Spending:
    """So many labels and what they cost; None where no price, or no pace, is known."""

    words: str
    labels: int
    money: float | None
    hours: float | None


@dataclass(frozen=True)
class Band:
    """A forecast recall: its median and 90 % band."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ClassChoice:
    name: str
    have: int
    pool: int
    as_it_comes: int
    targeted: int
    recall: float | None
    n_test: int
    plain: Band | None  # after buying as it comes
    then: Band | None  # after the targeted purchase
    shown: bool  # the two bands do not overlap
    refused: str


@dataclass(frozen=True)
class PaceRow:
    n: int
    seconds: float
    low: float
    high: float
    simulated: bool


@dataclass(frozen=True)
class PlannerPage:
    row: CurveRow
    metric: str
    words: str
    wish: Wish
    verdict: str
    sentence: str
    advice: str
    cautions: tuple[str, ...]
    spending: tuple[Spending, ...]
    budget: int
    queued: int
    classes: tuple[ClassChoice, ...]
    mix: dict[str, int]
    total: int  # pictures of the mix
    refused: str  # why no mix of classes is proposed
    short: str  # that fewer pictures wait than are wanted
    comparison: str
    ceiling: str
    last_value: float | None
    price: float | None
    currency: str
    pace: PaceRow | None


def proposal(curve: Curve, metric: str) -> float:
    """Return the target in per cent that a person may start from: what is expected of twice the labels."""
    seen = outlooks.outlook_of(curve, metric)
    forecast = seen.forecast
    if forecast is None:
        return 95.0
    quantiles = forecast.quantiles
    aim = quantiles.at(AMBITION * seen.largest, 0.5) if quantiles else forecast.last_value + 0.02
    return round(min(max(100 * ROUND * ceil(aim / ROUND), 1.0), 99.5), 1)


def planner_page(curve: Curve, wish: Wish, metric: str) -> PlannerPage:
    plan = planning.plan(curve, wish, metric)
    dataset = curve.dataset
    forecast = outlooks.outlook_of(curve, metric).forecast
    return PlannerPage(
        row=curves.curve_row(curve),
        metric=metric,
        words=METRICS[metric],
        wish=wish,
        verdict=str(plan.need.verdict),
        sentence=plan.need.sentence,
        advice=plan.need.advice,
        cautions=plan.need.cautions,
        spending=_spending(plan),
        budget=plan.budget,
        queued=plan.queued,
        classes=tuple(_choice(row) for row in plan.rows),
        mix=plan.mix,
        total=sum(plan.mix.values()),
        refused=plan.refused,
        short=_short(plan, wish.budget or plan.need.purchase),
        comparison=_comparison(plan),
        ceiling=_ceiling(plan, metric),
        last_value=forecast.last_value if forecast else None,
        price=dataset.label_price,
        currency=dataset.currency,
        pace=_pace(dataset),
    )


def _pace(dataset: Dataset) -> PaceRow | None:
    found = paces.pace(dataset)
    return PaceRow(found.n, found.seconds, found.low, found.high, found.simulated) if found else None


def _ceiling(plan: Plan, metric: str) -> str:
    """Return the ceiling in words, where nothing else has told it already; it is one of accuracy."""
    if plan.ceiling is None or metric != "accuracy":
        return ""
    told = " ".join((plan.need.sentence, *plan.need.cautions))
    return "" if plan.ceiling.sentence in told else plan.ceiling.sentence


def _spending(plan: Plan) -> tuple[Spending, ...]:
    """Return the labels until the target, with even odds and with the confidence asked for, and those now."""
    need = plan.need
    told = (
        ("With even odds", need.middle, need.bill),
        (f"With {100 * (1 - need.ask.risk):.0f} % confidence", need.safe, need.safe_bill),
        ("Now", plan.budget or None, plan.cost.of(plan.budget)),
    )
    return tuple(_line(words, labels, bill) for words, labels, bill in told if labels is not None)


def _line(words: str, labels: int, bill: Bill) -> Spending:
    return Spending(words, labels, bill.money, bill.hours)


def _choice(row: ClassPlan) -> ClassChoice:
    plain, then = _band(row.plain), _band(row.then)
    return ClassChoice(
        **{name: getattr(row, name) for name in ("name", "have", "pool", "as_it_comes", "targeted")},
        recall=row.recall,
        n_test=row.n_test,
        plain=plain,
        then=then,
        shown=bool(plain and then) and _apart(plain, then),
        refused=row.refused,
    )


def _band(outcome: Outcome) -> Band | None:
    if outcome.median is None or outcome.low is None or outcome.high is None:
        return None
    return Band(outcome.median, outcome.low, outcome.high)


def _apart(one: Band | None, other: Band | None) -> bool:
    return one is not None and other is not None and (one.high < other.low or other.high < one.low)


def _short(plan: Plan, wanted: int) -> str:
    if not 0 < plan.budget < wanted:
        return ""
    missing = f"the other {wanted - plan.budget:,} have to be found"
    return f"Only {plan.budget:,} pictures wait for a label: {missing}."


def _comparison(plan: Plan) -> str:
    """Say whether the mix can be told from a purchase as the pool comes."""
    found = plan.advantage
    if found is None or plan.purchase is None:
        return ""
    return " ".join(filter(None, (found.sentence, *found.cautions, plan.purchase.caution)))
