"""A dataset's annotators: how they do and agree, and settling what several of them said."""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from labeling.models import Dataset
from workbench import forms
from workbench.services import settling
from workbench.views import access, downloads
from workbench.views.access import Right
from workbench.views.contexts import annotator_tables
from workbench.views.contexts import annotators as contexts
from workbench.views.contexts import datasets as dataset_contexts


@require_safe
def annotators(request: HttpRequest, pk: int) -> HttpResponse:
    """Everybody's record for engineers, the own one for an annotator."""
    return _page(request, access.dataset(request, pk), forms.Consensus())


@require_safe
def table(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """One table of the page as CSV: `?table=` names it; a name that is none gives the people."""
    row = access.dataset(request, pk)
    named = request.GET.get("table", "")
    name = named if named in annotator_tables.TABLES else "people"
    page = contexts.annotators_page(row, access.whose_record(request))
    return downloads.table(annotator_tables.TABLES[name](page), f"{row.name}-{name}.csv")


@require_POST
def consensus(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.dataset(request, pk, Right.MANAGE)
    form = forms.Consensus(request.POST)
    if not form.is_valid():
        return _page(request, row, form)
    job = settling.start_consensus(row, form.cleaned_data["method"], requested_by=request.user.get_username())
    return redirect("job", job.pk)


def _page(request: HttpRequest, row: Dataset, form: forms.Consensus) -> HttpResponse:
    page = {
        "page": contexts.annotators_page(row, access.whose_record(request)),
        "form": form,
        "row": dataset_contexts.dataset_row(row),
        "area": "datasets",
    }
    return render(request, "workbench/annotators.html", page)
