"""What labels are worth: to a target, of which class, against a trick, and how past forecasts fared."""

from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field

from labeling.services import pace
from labeling.services.choice import NothingToLabel
from labeling.services.pace import InvalidPrice
from workbench.api.curves import Metric
from workbench.api.shapes import Pk, Started, answers, started
from workbench.services import planning, work
from workbench.services.planning import MOST_BUDGET, Wish
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import forecasts as forecast_contexts
from workbench.views.contexts import multipliers as multiplier_contexts
from workbench.views.contexts import planner as contexts
from workbench.views.contexts.forecasts import LedgerPage
from workbench.views.contexts.multipliers import MultiplierRow
from workbench.views.contexts.planner import PlannerPage

router = Router(tags=["planning"])


class Wished(Schema):
    """Target and risk are fractions; without a budget the purchase is as large as the forecast suggests."""

    metric: Metric = "accuracy"
    target: Annotated[float, Field(gt=0, lt=1)] = 0.95
    risk: Annotated[float, Field(gt=0, le=0.5)] = 0.2
    rounds: Annotated[int, Field(ge=1, le=10)] = 3
    budget: Annotated[int, Field(ge=1, le=MOST_BUDGET)] | None = None

    @property
    def wish(self) -> Wish:
        return Wish(self.target, self.risk, self.rounds, self.budget)


class Price(Schema):
    """Null: nobody says."""

    price: Annotated[float, Field(ge=0, le=10_000)] | None
    currency: Annotated[str, Field(max_length=3)] = "USD"


class Priced(Schema):
    price: float | None
    currency: str


@router.get("curves/{int:pk}/plan", response=answers(PlannerPage), summary="What a target takes")
def plan(request: HttpRequest, pk: Pk, wished: Query[Wished]) -> PlannerPage:
    return contexts.planner_page(access.curve(request, pk), wished.wish, wished.metric)


@router.post(
    "curves/{int:pk}/plan", response=answers(Started, 202), summary="Buy what is planned", url_name="buy"
)
def buy(request: HttpRequest, pk: Pk, wished: Wished) -> Status[Started]:
    row = access.curve(request, pk, Right.MANAGE)
    found = planning.plan(row, wished.wish, wished.metric)
    if not found.mix:
        raise HttpError(409, found.refused or found.need.sentence)
    try:
        job = work.start_purchase(row.dataset, found.mix, requested_by=request.user.get_username())
    except (NothingToLabel, ValueError) as reason:
        raise HttpError(409, str(reason)) from reason
    return Status(202, started(job))


@router.post("datasets/{int:pk}/price", response=answers(Priced), summary="Say what a label costs")
def price(request: HttpRequest, pk: Pk, stated: Price) -> Priced:
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    try:
        pace.set_price(row, stated.price, stated.currency)
    except InvalidPrice as reason:
        raise HttpError(422, str(reason)) from reason
    return Priced(price=row.label_price, currency=row.currency)


@router.get(
    "datasets/{int:pk}/multipliers", response=answers(list[MultiplierRow]), summary="What labels are worth"
)
def multipliers(request: HttpRequest, pk: Pk, metric: Metric = "accuracy") -> list[MultiplierRow]:
    return list(multiplier_contexts.multiplier_rows(access.dataset(request, pk, Right.MODELS), metric))


@router.get("datasets/{int:pk}/forecasts", response=answers(LedgerPage), summary="Said, and became")
def forecasts(
    request: HttpRequest,
    pk: Pk,
    metric: Literal["", "accuracy", "balanced_accuracy", "macro_f1", "recall"] = "",
) -> LedgerPage:
    return forecast_contexts.ledger(access.dataset(request, pk, Right.MODELS), metric)
