"""Annotators: how they do and agree, and settling what several of them said."""

from django.http import HttpRequest
from ninja import Router, Schema, Status
from ninja.errors import HttpError

from labeling.services.consensus import BEST
from workbench.api.shapes import Pk, Started, answers, started
from workbench.services import settling
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import annotators as contexts
from workbench.views.contexts.annotators import AnnotatorsPage

router = Router(tags=["annotators"])


class Wanted(Schema):
    method: str = BEST


@router.get(
    "datasets/{int:pk}/annotators",
    response=answers(AnnotatorsPage),
    summary="Annotators and their agreement; an annotator sees the own record alone",
    url_name="annotators",
)
def annotators(request: HttpRequest, pk: Pk) -> AnnotatorsPage:
    return contexts.annotators_page(access.dataset(request, pk), access.whose_record(request))


@router.post(
    "datasets/{int:pk}/consensus",
    response=answers(Started, 202),
    summary="Settle the labels of samples with several opinions",
    url_name="start_consensus",
)
def consensus(request: HttpRequest, pk: Pk, wanted: Wanted) -> Status[Started]:
    row = access.dataset(request, pk, Right.MANAGE)
    try:
        job = settling.start_consensus(row, wanted.method, requested_by=request.user.get_username())
    except ValueError as problem:
        raise HttpError(422, str(problem)) from problem
    return Status(202, started(job))
