"""Who may see and do what: a row is fetched together with the right to it, or not at all."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from augment.models import Preview
from labeling.models import Dataset, ImportReport, Sample
from trainer.models import Curve, CurveCell, ModelVersion, Run, Study
from workbench.ledger.models import Job
from workbench.models import Advice

Row = TypeVar("Row", bound=Model)


class Right(StrEnum):
    """What the groups differ in; migration 0002 says which group holds which."""

    DATA = "labeling.view_dataset"  # annotator: pictures, labels, Label Studio
    MODELS = "trainer.view_run"  # engineer: runs, curves, previews, imports, advice
    JOBS = "ledger.view_job"  # engineer
    MANAGE = "ledger.add_job"  # admin: start, cancel, retry, decide on advice
    DELETE = "labeling.delete_dataset"  # admin


class SignInRequired(LoginRequiredMiddleware):
    """Every address asks for a sign-in unless it says otherwise; a program gets 401, not a form."""

    def handle_no_permission(  # type: ignore[override]
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseBase:
        if request.path.startswith("/api/"):
            return JsonResponse({"detail": "Sign in first."}, status=401)
        if request.headers.get("HX-Request"):  # else the form would be swapped into the middle of a page
            return HttpResponse("Sign in first.", status=401, headers={"HX-Refresh": "true"})
        return super().handle_no_permission(request, view_func)


def allow(request: HttpRequest, *rights: Right) -> None:
    """Raise PermissionDenied unless the person holds every right."""
    if not request.user.has_perms(rights):
        raise PermissionDenied


def may(request: HttpRequest, right: Right) -> bool:
    return request.user.has_perm(right)


def whose_record(request: HttpRequest) -> str | None:
    """Return the address of the one annotator whose record the person may see: his own; None: all of them."""
    if may(request, Right.MODELS):
        return None
    return str(getattr(request.user, "email", "")).lower()


def _fetch(rows: QuerySet[Row], pk: int | UUID) -> Row:
    row = rows.filter(pk=pk).first()
    if row is None:
        raise Http404(f"There is no {rows.model._meta.verbose_name} {pk}.")
    return row


def dataset(request: HttpRequest, pk: int, *also: Right) -> Dataset:
    allow(request, Right.DATA, *also)
    return _fetch(Dataset.objects.all(), pk)


def sample(request: HttpRequest, pk: int) -> Sample:
    allow(request, Right.DATA)
    return _fetch(Sample.objects.select_related("dataset"), pk)


def import_report(request: HttpRequest, pk: int) -> ImportReport:
    allow(request, Right.MODELS)
    return _fetch(ImportReport.objects.select_related("dataset"), pk)


def preview(request: HttpRequest, pk: int) -> Preview:
    allow(request, Right.MODELS)
    return _fetch(Preview.objects.select_related("dataset"), pk)


def run(request: HttpRequest, pk: int, *also: Right) -> Run:
    allow(request, Right.MODELS, *also)
    return _fetch(Run.objects.select_related("dataset"), pk)


def version(request: HttpRequest, pk: int, *also: Right) -> ModelVersion:
    allow(request, Right.MODELS, *also)
    return _fetch(ModelVersion.objects.select_related("dataset", "run"), pk)


def study(request: HttpRequest, pk: int) -> Study:
    allow(request, Right.MODELS)
    return _fetch(Study.objects.select_related("dataset"), pk)


def curve(request: HttpRequest, pk: int, *also: Right) -> Curve:
    allow(request, Right.MODELS, *also)
    return _fetch(Curve.objects.select_related("dataset"), pk)


def cell(request: HttpRequest, key: str) -> CurveCell:
    """Fetch one training of a curve by its key."""
    allow(request, Right.MODELS)
    row = CurveCell.objects.select_related("dataset").filter(key=key).first()
    if row is None:
        raise Http404(f"There is no training {key}.")
    return row


def advice(request: HttpRequest, pk: int) -> Advice:
    """Fetch one suggestion for a person who may decide on it."""
    allow(request, Right.MODELS, Right.MANAGE)
    return _fetch(Advice.objects.select_related("dataset"), pk)


def job(request: HttpRequest, pk: UUID, *also: Right) -> Job:
    allow(request, Right.JOBS, *also)
    return _fetch(Job.objects.all(), pk)
