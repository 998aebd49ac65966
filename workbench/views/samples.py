"""Samples: the grid, one sample, and the pictures themselves."""

from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from labeling.models import Sample
from workbench import forms, thumbnails
from workbench.views import access
from workbench.views.contexts import datasets as dataset_contexts
from workbench.views.contexts import samples as contexts

TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}


@require_safe
def samples(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.dataset(request, pk)
    form = forms.SampleFilter(row, request.GET)
    found = contexts.page_of(row, form, request.GET.get("page", "1"))
    address = request.GET.copy()
    address.pop("page", None)
    page = {
        "form": form,
        "found": found,
        "cards": contexts.cards(found.object_list),
        "query": address.urlencode(),
        "row": dataset_contexts.dataset_row(row),
        "area": "datasets",
    }
    return render(request, "workbench/samples.html", page)


@require_safe
def sample(request: HttpRequest, pk: int) -> HttpResponse:
    page = contexts.sample_page(access.sample(request, pk))
    return render(request, "workbench/sample.html", {"page": page, "area": "datasets"})


@require_safe
def picture(request: HttpRequest, pk: int) -> HttpResponse:
    """The picture as it is stored."""
    row = access.sample(request, pk)
    file = Path(settings.MEDIA_ROOT, row.file)
    return _picture(row, file.suffix, _read(file))


@require_safe
def thumbnail(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.sample(request, pk)
    file = Path(settings.MEDIA_ROOT, row.file)
    if max(row.width, row.height) <= thumbnails.SIDE:
        return _picture(row, file.suffix, _read(file))
    kept = Path(settings.STATE_DIR, "thumbnails", row.key[:2], f"{row.key}.webp")
    try:
        return _picture(row, ".webp", thumbnails.thumbnail(file, kept))
    except FileNotFoundError:
        raise Http404("The picture's file is gone.") from None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise Http404("The picture's file is gone.") from None


def _picture(row: Sample, suffix: str, data: bytes) -> HttpResponse:
    """A sample's bytes never change, so browsers may keep them; other people's caches may not."""
    response = HttpResponse(data, content_type=TYPES[suffix])
    name = Path(row.name).with_suffix(suffix).name
    response["Content-Disposition"] = content_disposition_header(False, name) or "inline"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, max-age=86400, immutable"
    return response
