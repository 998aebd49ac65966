"""What to buy next: labels to a target, of which classes, at what cost.  Nothing is fitted here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
from django.db.models import Count

from labeling.models import Dataset
from labeling.services import audits, pace
from labeling.services.audits import Audit
from trainer.curves import advantage, allocation, requirement
from trainer.curves import ceiling as ceilings
from trainer.curves.advantage import Advantage
from trainer.curves.allocation import Purchase, Slice
from trainer.curves.ceiling import Ceiling
from trainer.curves.cost import Cost
from trainer.curves.outlook import REACH, Forecast, Outlook
from trainer.curves.requirement import Ask, Need
from trainer.engine.intervals import Interval
from trainer.models import Curve
from trainer.services import outlooks

LEAST_BUDGET, MOST_BUDGET = 1, 100_000  # labels of one purchase
UNFINISHED = Forecast((), 0.0, False, "This curve is not finished.", ())


@dataclass(frozen=True)
class Wish:
    """What somebody wants: a score, with what risk, in how many rounds; budget None: as many as it takes."""

    target: float
    risk: float = requirement.RISK
    rounds: int = requirement.ROUNDS
    budget: int | None = None

    def __post_init__(self) -> None:
        if self.budget is not None and not LEAST_BUDGET <= self.budget <= MOST_BUDGET:
            raise ValueError(f"budget must lie in [{LEAST_BUDGET}, {MOST_BUDGET}] labels, got {self.budget}")
        Ask(self.target, self.risk, self.rounds)  # raises where one of these makes no sense

    @property
    def ask(self) -> Ask:
        return Ask(self.target, self.risk, self.rounds)


@dataclass(frozen=True)
class Outcome:
    """Recall of a class with so many of its labels: median and 90 % band; None where nothing can be said."""

    labels: int
    median: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ClassPlan:
    """One class: what it has, what would be bought of it, and what that would make of its recall."""

    name: str
    have: int
    pool: int  # pictures of it that wait, as far as a model can tell
    as_it_comes: int
    targeted: int
    recall: float | None  # measured at the largest size
    n_test: int
    plain: Outcome  # after buying as it comes
    then: Outcome  # after the targeted purchase
    refused: str  # why nothing is foreseen of it


@dataclass(frozen=True)
class Plan:
    """A purchase, ready to be shown and to be made."""

    need: Need
    budget: int
    queued: int  # pictures in the annotators' queue: asked for already
    rows: tuple[ClassPlan, ...]
    purchase: Purchase | None
    refused: str  # why no mix of classes is proposed
    advantage: Advantage | None  # of the mix over pictures as they come
    ceiling: Ceiling | None
    cost: Cost

    @property
    def mix(self) -> dict[str, int]:
        """How many of each class to ask for; classes of which none is bought are left out."""
        return {row.name: row.targeted for row in self.rows if row.targeted}


def plan(curve: Curve, wish: Wish, metric: str = "accuracy") -> Plan:
    """Return what reaching the target takes in this metric, and the best mix of classes for the purchase."""
    dataset = curve.dataset
    have = _have(dataset)
    seen = outlooks.outlook_of(curve, metric)
    cost, ceiling = cost_of(dataset), ceiling_of(dataset)
    forecast = seen.forecast or UNFINISHED
    need = requirement.of_forecast(forecast, max(sum(have.values()), 1), wish.ask, cost=cost, ceiling=ceiling)
    waiting = dataset.samples.waiting().count()
    queued = dataset.samples.pool().unlabeled().queued().count()
    budget = min(wish.budget or max(need.purchase - queued, 0), waiting)
    need = _of_purchase(need, budget + queued, forecast)
    rows, purchase, refused = _mix(curve, have, waiting, budget)
    gained = _advantage(curve, rows) if purchase else None
    return Plan(need, budget, queued, rows, purchase, refused, gained, ceiling, cost)


def _of_purchase(need: Need, count: int, forecast: Forecast) -> Need:
    """Return the need with the purchase that is to be made, and the chance that it suffices."""
    said = forecast.quantiles
    if said is None or not need.purchase or count == need.purchase:
        return need
    total = min(need.now + count, REACH * need.measured)
    return replace(need, purchase=count, chance=said.chance(total, need.ask.target))


def cost_of(dataset: Dataset) -> Cost:
    """Return what one label costs: the price that was stated, the time that was measured."""
    found = pace.pace(dataset)
    return Cost(dataset.label_price, found.seconds if found else None, dataset.currency)


def ceiling_of(dataset: Dataset) -> Ceiling | None:
    """Return how much can be measured at all, where enough test labels were judged again."""
    return ceiling_by(audits.of_test_labels(dataset), dataset)


def ceiling_by(audit: Audit, dataset: Dataset) -> Ceiling | None:
    """Return what an audit of the test labels says can be measured at all; None where it says too little."""
    found = audit.rate
    if found is None or found.standing.high == 0:  # all was audited, and what was wrong has been corrected
        return None
    rate = Interval(*found.standing)
    return ceilings.of_rate(rate, found.wrong, found.audited, max(len(dataset.classes), 2))


def _have(dataset: Dataset) -> dict[str, int]:
    """Return the labels of each class that may be trained on."""
    rows = dataset.samples.pool().labeled().order_by().values_list("label").annotate(Count("pk"))
    counts = dict(rows)
    return {name: counts.get(name, 0) for name in dataset.classes}


def _pools(dataset: Dataset, have: Mapping[str, int], waiting: int) -> dict[str, int]:
    """Return how many pictures of each class wait, as far as can be told.

    The mean of two guesses: the shares among the labels, and what the latest model takes the pictures for,
    which finds too few of a rare class.  Rounded up: all that wait can be bought.
    """
    rows = dataset.samples.waiting().exclude(predicted="").order_by().values_list("predicted")
    called = dict(rows.annotate(Count("pk")))
    total = max(sum(have.values()), 1)
    shares = {name: waiting * count / total for name, count in have.items()}
    if not called:
        return {name: ceil(share) for name, share in shares.items()}
    scale = waiting / sum(called.values())  # of pictures that no model saw: as of the others
    return {name: ceil((share + scale * called.get(name, 0)) / 2) for name, share in shares.items()}


def _mix(
    curve: Curve, have: Mapping[str, int], waiting: int, budget: int
) -> tuple[tuple[ClassPlan, ...], Purchase | None, str]:
    """Return every class's part of a purchase, and a sentence on classes of which nothing is foreseen."""
    seen = dict(outlooks.class_outlooks(curve))
    pools = _pools(curve.dataset, have, waiting)
    forecasts = [look.forecast or UNFINISHED for look in seen.values()]
    lawless = [name for name, said in zip(seen, forecasts, strict=True) if said.law is None]
    purchase = None
    if budget and len(lawless) < len(seen):
        laws = zip(seen, allocation.laws(forecasts), strict=True)
        slices = [Slice(law, have[name], pool=pools[name]) for name, law in laws]
        purchase = allocation.allocate(slices, budget)
    plain, targeted = (purchase.as_it_comes, purchase.counts) if purchase else ((0,) * len(seen),) * 2
    rows = tuple(
        _class_plan(name, look, have[name], pools[name], plain[place], targeted[place])
        for place, (name, look) in enumerate(seen.items())
    )
    return rows, purchase, _refusal(lawless, len(seen), budget)


def _refusal(lawless: Sequence[str], classes: int, budget: int) -> str:
    if not budget:
        return "Nothing is to be bought, or no picture waits for a label."
    if not lawless:
        return ""
    if len(lawless) == classes:
        return "Nothing can be foreseen of any class: pictures are best taken as they come."
    names = ", ".join(sorted(lawless)[:5]) + ("…" if len(lawless) > 5 else "")
    return f"Nothing can be foreseen of {names}: taken to learn as the other classes do."


def _advantage(curve: Curve, rows: Sequence[ClassPlan]) -> Advantage | None:
    """Return what the mix gains over pictures as they come; the curve's number seeds the draws."""
    forecasts = [
        look.forecast.quantiles if look.forecast else None for _, look in outlooks.class_outlooks(curve)
    ]
    plans = [advantage.Plan(row.have, row.targeted, row.as_it_comes) for row in rows]
    return advantage.advantage(forecasts, plans, np.random.default_rng(curve.pk))


def _class_plan(name: str, look: Outlook, have: int, pool: int, plain: int, targeted: int) -> ClassPlan:
    forecast = look.forecast
    return ClassPlan(
        name=name,
        have=have,
        pool=pool,
        as_it_comes=plain,
        targeted=targeted,
        recall=look.sizes[-1].mean if look.sizes else None,
        n_test=look.n_test,
        plain=_outcome(look, have + plain),
        then=_outcome(look, have + targeted),
        refused=(forecast or UNFINISHED).refused,
    )


def _outcome(look: Outlook, labels: int) -> Outcome:
    quantiles = look.forecast.quantiles if look.forecast else None
    if quantiles is None or labels > REACH * look.largest:
        return Outcome(labels, None, None, None)
    return Outcome(labels, *(quantiles.at(labels, share) for share in (0.5, 0.05, 0.95)))
