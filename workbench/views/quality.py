"""A dataset's quality: labels that are likely wrong and their blind review, and pictures worth a look."""

from collections.abc import Callable, Iterable, Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from labeling.models import Dataset
from labeling.services import inspection
from labeling.services.reviews import NothingToReview
from workbench import forms
from workbench.services import inspecting, reviewing
from workbench.services.reviewing import NoPredictions
from workbench.views import access, downloads
from workbench.views.access import Right
from workbench.views.contexts import datasets as dataset_contexts
from workbench.views.contexts import quality as contexts
from workbench.views.contexts import quality_errors, quality_pictures

TABLES: dict[str, tuple[str, Callable[[Dataset], Iterable[Sequence[object]]]]] = {
    "labels": ("label-issues", contexts.issue_table),
    "pictures": ("picture-issues", quality_pictures.picture_table),
    "conflicts": ("conflicting-duplicates", quality_pictures.conflict_table),
    "duplicates": ("near-duplicates", quality_pictures.duplicate_table),
    "copies": ("second-copies", quality_pictures.copy_table),
    "errors": ("label-error-rate", quality_errors.error_table),
}


@require_safe
def quality(request: HttpRequest, pk: int) -> HttpResponse:
    """The list is not for annotators: who reviews shall not have read the label in doubt."""
    return _page(request, access.dataset(request, pk, Right.MODELS), forms.Review())


@require_safe
def table(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """One table of the page by `?table=`, else the label issues."""
    row = access.dataset(request, pk, Right.MODELS)
    wanted = request.GET.get("table", "")
    name, lines = TABLES.get(wanted, TABLES["labels"])
    # read now: the answer is sent from where the database may not be asked
    return downloads.table(tuple(lines(row)), f"{row.name}-{name}.csv")


@require_POST
def search(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.dataset(request, pk, Right.MANAGE)
    try:
        job = reviewing.start_search(row, requested_by=request.user.get_username())
    except NoPredictions as reason:
        messages.error(request, str(reason))
        return redirect("quality", row.pk)
    return redirect("job", job.pk)


@require_POST
def review(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    form = forms.Review(request.POST)
    if not form.is_valid():
        return _page(request, row, form)
    who = request.user.get_username()
    try:
        job = reviewing.start_review(row, **form.cleaned_data, requested_by=who)
    except NothingToReview as reason:
        form.add_error(None, str(reason))
        return _page(request, row, form)
    return redirect("job", job.pk)


@require_POST
def inspect(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.dataset(request, pk, Right.MANAGE)
    return redirect("job", inspecting.start_inspection(row, requested_by=request.user.get_username()).pk)


@require_POST
def judge_pictures(request: HttpRequest, pk: int) -> HttpResponse:
    """Dismiss the ticked picture issues, or take their dismissal back."""
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    form = forms.PictureReview(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose some pictures.")
    elif form.cleaned_data["reopen"]:
        inspection.reopen(row, form.cleaned_data["issues"])
    else:
        inspection.dismiss(row, form.cleaned_data["issues"], timezone.now())
    return redirect(f"{reverse('quality', args=[row.pk])}?{form.place}#pictures")


def _page(request: HttpRequest, row: Dataset, form: forms.Review) -> HttpResponse:
    asked = request.GET
    wish = contexts.Wish(
        state=asked.get("state", ""),
        page=asked.get("page", "1"),
        kind=asked.get("kind", ""),
        dismissed=asked.get("dismissed") == "1",
        pictures=asked.get("pictures", "1"),
    )
    page = {
        "page": contexts.quality_page(row, wish),
        "form": form,
        "row": dataset_contexts.dataset_row(row),
        "area": "datasets",
    }
    return render(request, "workbench/quality.html", page)
