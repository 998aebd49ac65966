"""Labeling rounds: which pictures next."""

from typing import Annotated

from django.http import HttpRequest
from ninja import Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field

from labeling.models import SelectionRound
from labeling.services.candidates import NotReady
from labeling.services.choice import LEAST_RANDOM_SHARE, NothingToLabel
from workbench import forms
from workbench.api.shapes import Pk, Started, answers, started
from workbench.services import work
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import rounds as contexts
from workbench.views.contexts.rounds import NextRoundPage

router = Router(tags=["labels"])


class NewRound(Schema):
    """Without a strategy, the usual one for what is known so far."""

    count: Annotated[int, Field(ge=1, le=forms.MAX_ROUND)]
    strategy: SelectionRound.Strategy | None = None
    random_share: Annotated[float, Field(ge=LEAST_RANDOM_SHARE, le=1)] = 0.2
    overlap: Annotated[int, Field(ge=1, le=forms.MAX_OVERLAP)] = 1
    seed: Annotated[int, Field(ge=0, le=forms.MAX_SEED)] | None = None


@router.get(
    "datasets/{int:pk}/next-round",
    response=answers(NextRoundPage),
    summary="How the next pictures may be chosen: every strategy, and what it lacks here",
    url_name="next_round",
)
def next_round(request: HttpRequest, pk: Pk) -> NextRoundPage:
    return contexts.next_round(access.dataset(request, pk, Right.MANAGE))


@router.post(
    "datasets/{int:pk}/rounds",
    response=answers(Started, 202),
    summary="Choose the next pictures and send them to Label Studio",
    url_name="start_round",
)
def start(request: HttpRequest, pk: Pk, wanted: NewRound) -> Status[Started]:
    row = access.dataset(request, pk, Right.MANAGE)
    try:
        job = work.start_next_round(row, **wanted.dict(), requested_by=request.user.get_username())
    except (NothingToLabel, NotReady) as reason:
        raise HttpError(409, str(reason)) from reason
    return Status(202, started(job))
