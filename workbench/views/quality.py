"""A dataset's label quality: labels that are likely wrong, and sending them to people for a blind review."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from labeling.models import Dataset
from labeling.services.reviews import NothingToReview
from workbench import forms
from workbench.services import reviewing
from workbench.services.reviewing import NoPredictions
from workbench.views import access, downloads
from workbench.views.access import Right
from workbench.views.contexts import datasets as dataset_contexts
from workbench.views.contexts import quality as contexts


@require_safe
def quality(request: HttpRequest, pk: int) -> HttpResponse:
    """The list is not for annotators: who reviews shall not have read the label in doubt."""
    return _page(request, access.dataset(request, pk, Right.MODELS), forms.Review())


@require_safe
def table(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """One table of the page: `?table=conflicts`, else the issues."""
    row = access.dataset(request, pk, Right.MODELS)
    if request.GET.get("table") == "conflicts":
        told = contexts.conflict_table(contexts.conflicts(row))
        return downloads.table(told, f"{row.name}-conflicting-duplicates.csv")
    return downloads.table(contexts.table(contexts.all_issues(row)), f"{row.name}-label-issues.csv")


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


def _page(request: HttpRequest, row: Dataset, form: forms.Review) -> HttpResponse:
    state, number = request.GET.get("state", ""), request.GET.get("page", "1")
    page = {
        "page": contexts.quality_page(row, state, number),
        "form": form,
        "row": dataset_contexts.dataset_row(row),
        "area": "datasets",
    }
    return render(request, "workbench/quality.html", page)
