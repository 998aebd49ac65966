"""Augmentation policies as pictures: what each does to this dataset's samples."""

from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from augment import catalog
from augment.models import Preview
from workbench.services import work
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import datasets as dataset_contexts


@require_safe
def policy(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    row = access.dataset(request, pk, Right.MODELS)
    if name not in catalog.NAMED:
        raise Http404(f"There is no policy {name}.")
    page = {
        "row": dataset_contexts.dataset_row(row),
        "spec": catalog.NAMED[name],
        "preview": Preview.objects.filter(dataset=row, policy=name).first(),
        "area": "datasets",
    }
    return render(request, "workbench/policy.html", page)


@require_POST
def draw(request: HttpRequest, pk: int, name: str) -> HttpResponseRedirect:
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    if name not in catalog.NAMED:
        raise Http404(f"There is no policy {name}.")
    return redirect("job", work.start_preview(row, name, requested_by=request.user.get_username()).pk)


@require_safe
def sheet(request: HttpRequest, pk: int) -> HttpResponse:
    """A preview's picture; it is never drawn again under the same number."""
    row = access.preview(request, pk)
    try:
        data = Path(settings.STATE_DIR, row.path).read_bytes()
    except FileNotFoundError:
        raise Http404("The preview's file is gone.") from None
    headers = {"Cache-Control": "private, max-age=86400, immutable"}
    return HttpResponse(data, content_type="image/png", headers=headers)
