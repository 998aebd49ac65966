"""Learning curves: the numbers behind the charts, and computing one."""

from typing import Literal

from django.http import HttpRequest
from ninja import Router, Schema, Status
from ninja.errors import HttpError

from trainer.services.curves import NoCurve
from workbench.api.shapes import Pk, Started, answers, started
from workbench.charts import Info
from workbench.services import work
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import curves as contexts
from workbench.views.contexts.curves import CurveRow

router = Router(tags=["curves"])


class NewCurve(Schema):
    preset: Literal["quick", "standard", "thorough"] = "standard"


@router.get("datasets/{int:pk}/curves", response=answers(list[CurveRow]), summary="A dataset's curves")
def curves(request: HttpRequest, pk: Pk) -> list[CurveRow]:
    return list(contexts.curve_rows(access.dataset(request, pk, Right.MODELS)))


@router.get("curves/{int:pk}", response=answers(Info), summary="One curve: points, forecast, sentences")
def curve(
    request: HttpRequest, pk: Pk, metric: Literal["accuracy", "balanced_accuracy"] = "accuracy"
) -> Info:
    return contexts.curve_info(access.curve(request, pk), metric)


@router.post(
    "datasets/{int:pk}/curves",
    response=answers(Started, 202),
    summary="Compute a curve",
    url_name="start_curve",
)
def start(request: HttpRequest, pk: Pk, wanted: NewCurve) -> Status[Started]:
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    try:
        job = work.start_curve(row, design=wanted.preset, requested_by=request.user.get_username())
    except NoCurve as reason:
        raise HttpError(409, f"{reason}.") from reason
    return Status(202, started(job))
