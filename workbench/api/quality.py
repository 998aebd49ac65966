"""Quality: labels that are likely wrong and their blind review, pictures worth a look, the error rate."""

from typing import Annotated, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field

from labeling.services import inspection
from labeling.services.reviews import NothingToReview
from workbench.api.shapes import Pk, Started, answers, started
from workbench.forms import MAX_OVERLAP, MAX_ROUND
from workbench.services import inspecting, reviewing
from workbench.services.reviewing import NoPredictions
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import quality as contexts
from workbench.views.contexts.quality import QualityPage

router = Router(tags=["label quality"])


class Wanted(Schema):
    issues: Annotated[list[Pk], Field(min_length=1, max_length=MAX_ROUND)]
    overlap: Annotated[int, Field(ge=1, le=MAX_OVERLAP)] = 1


class Judged(Schema):
    issues: Annotated[list[Pk], Field(min_length=1, max_length=MAX_ROUND)]
    reopen: bool = False


class Changed(Schema):
    changed: int


@router.get(
    "datasets/{int:pk}/quality",
    response=answers(QualityPage),
    summary="Labels that are likely wrong, how many are, and pictures that are worth a look",
    url_name="quality",
)
def quality(
    request: HttpRequest,
    pk: Pk,
    state: Literal["open", "sent", "confirmed", "dismissed"] = "open",
    page: Annotated[int, Field(ge=1)] = 1,
    kind: Annotated[str, Field(description="of the picture issues; all where it is none")] = "",
    dismissed: bool = False,
    pictures: Annotated[int, Field(ge=1, description="page of the picture issues")] = 1,
) -> QualityPage:
    wish = contexts.Wish(state, page, kind, dismissed, pictures)
    return contexts.quality_page(access.dataset(request, pk, Right.MODELS), wish)


@router.post(
    "datasets/{int:pk}/quality/search",
    response=answers(Started, 202),
    summary="Search the labels for errors with the newest out-of-fold predictions",
    url_name="start_search",
)
def search(request: HttpRequest, pk: Pk) -> Status[Started]:
    row = access.dataset(request, pk, Right.MANAGE)
    try:
        job = reviewing.start_search(row, requested_by=request.user.get_username())
    except NoPredictions as reason:
        raise HttpError(409, str(reason)) from reason
    return Status(202, started(job))


@router.post(
    "datasets/{int:pk}/quality/review",
    response=answers(Started, 202),
    summary="Send doubtful labels to Label Studio for a blind review",
    url_name="start_review",
)
def review(request: HttpRequest, pk: Pk, wanted: Wanted) -> Status[Started]:
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    who = request.user.get_username()
    try:
        job = reviewing.start_review(row, wanted.issues, overlap=wanted.overlap, requested_by=who)
    except NothingToReview as reason:
        raise HttpError(409, str(reason)) from reason
    return Status(202, started(job))


@router.post(
    "datasets/{int:pk}/quality/inspect",
    response=answers(Started, 202),
    summary="Inspect the pictures: blank, dark, bright, blurred, odd, or near a test picture",
    url_name="start_inspection",
)
def inspect(request: HttpRequest, pk: Pk) -> Status[Started]:
    row = access.dataset(request, pk, Right.MANAGE)
    return Status(202, started(inspecting.start_inspection(row, requested_by=request.user.get_username())))


@router.post(
    "datasets/{int:pk}/quality/pictures",
    response=answers(Changed),
    summary="Dismiss picture issues that somebody looked at, or take that back; nothing is deleted",
    url_name="judge_pictures",
)
def judge_pictures(request: HttpRequest, pk: Pk, told: Judged) -> Changed:
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    if told.reopen:
        return Changed(changed=inspection.reopen(row, told.issues))
    return Changed(changed=inspection.dismiss(row, told.issues, timezone.now()))
