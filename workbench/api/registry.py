"""Model versions: which one counts, and changing that."""

from typing import Annotated

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field

from trainer.models import Promotion
from trainer.services import registry
from trainer.services.registry import NotPromotable
from workbench.api.shapes import Pk, Started, answers, started
from workbench.services import versions
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import registry as contexts
from workbench.views.contexts.registry import ModelsPage

router = Router(tags=["models"])


class Reason(Schema):
    reason: Annotated[str, Field(max_length=Promotion.REASON_CHARS)] = ""


@router.get(
    "datasets/{int:pk}/models",
    response=answers(ModelsPage),
    summary="A dataset's model versions, with history",
)
def models(request: HttpRequest, pk: Pk) -> ModelsPage:
    return contexts.models_page(access.dataset(request, pk, Right.MODELS))


@router.post("versions/{int:pk}/promote", response=answers(ModelsPage), summary="Make it the current version")
def promote(request: HttpRequest, pk: Pk, why: Reason | None = None) -> ModelsPage:
    """Refused where its weights are missing, cut off or altered, or where it is current already."""
    row = access.version(request, pk, Right.MANAGE)
    try:
        registry.promote(row, request.user.get_username(), why.reason if why else "", timezone.now())
    except NotPromotable as reason:
        raise HttpError(409, str(reason)) from reason
    return contexts.models_page(row.dataset)


@router.post(
    "datasets/{int:pk}/roll-back",
    response=answers(ModelsPage),
    summary="Make the version before the current one current again",
)
def roll_back(request: HttpRequest, pk: Pk) -> ModelsPage:
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    try:
        registry.roll_back(row, request.user.get_username(), timezone.now())
    except NotPromotable as reason:
        raise HttpError(409, str(reason)) from reason
    return contexts.models_page(row)


@router.post("versions/{int:pk}/judge", response=answers(Started, 202), summary="Ask the gate again")
def judge(request: HttpRequest, pk: Pk) -> Status[Started]:
    row = access.version(request, pk, Right.MANAGE)
    return Status(202, started(versions.start_judging(row, requested_by=request.user.get_username())))


@router.post("versions/{int:pk}/export", response=answers(Started, 202), summary="Write it as ONNX")
def export(request: HttpRequest, pk: Pk) -> Status[Started]:
    row = access.version(request, pk, Right.MANAGE)
    return Status(202, started(versions.start_export(row, requested_by=request.user.get_username())))
