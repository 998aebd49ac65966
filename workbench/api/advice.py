"""Advice, and what a person decides on it."""

from dataclasses import dataclass

from django.http import HttpRequest
from ninja import Router
from ninja.errors import HttpError

from labeling.services.choice import NothingToLabel
from trainer.services.curves import NoCurve
from workbench.api.shapes import Pk, Started, answers, started
from workbench.models import Advice
from workbench.services import advice as service
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import datasets as contexts
from workbench.views.contexts.datasets import AdviceCard

router = Router(tags=["advice"])


@dataclass(frozen=True)
class Decided:
    advice: AdviceCard
    started: Started | None  # None where the advice is for people to carry out


@router.get("datasets/{int:pk}/advice", response=answers(list[AdviceCard]), summary="Open advice, as shown")
def advice(request: HttpRequest, pk: Pk) -> list[AdviceCard]:
    return list(contexts.advice_cards(access.dataset(request, pk, Right.MODELS), Advice.State.OPEN))


@router.post("advice/{int:pk}/take", response=answers(Decided), summary="Take it, and start what it asks for")
def take(request: HttpRequest, pk: Pk) -> Decided:
    row = _open(access.advice(request, pk))
    try:
        job = service.take_advice(row, requested_by=request.user.get_username())
    except (NothingToLabel, NoCurve) as reason:
        raise HttpError(409, str(reason)) from reason
    return _decided(row, started(job) if job else None)


@router.post("advice/{int:pk}/dismiss", response=answers(Decided), summary="Dismiss it")
def dismiss(request: HttpRequest, pk: Pk) -> Decided:
    row = _open(access.advice(request, pk))
    service.dismiss_advice(row)
    return _decided(row, None)


def _open(row: Advice) -> Advice:
    if row.state != Advice.State.OPEN:
        raise HttpError(409, f"This advice is {row.state} already.")
    return row


def _decided(row: Advice, what: Started | None) -> Decided:
    row.refresh_from_db()
    return Decided(contexts.advice_card(row), what)
