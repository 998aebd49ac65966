"""Studies: short trainings that help to choose a learning rate, a batch size and epochs."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from trainer.engine.recipe import NAMED
from workbench import forms
from workbench.services import work
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import datasets as dataset_contexts
from workbench.views.contexts import jobs as job_contexts
from workbench.views.contexts import studies as contexts


@require_http_methods(["GET", "HEAD", "POST"])
def studies(request: HttpRequest, pk: int) -> HttpResponse:
    """Show them, or start one."""
    also = [Right.MANAGE] if request.method == "POST" else []
    row = access.dataset(request, pk, Right.MODELS, *also)
    form = forms.NewStudy(request.POST or None)
    if form.is_valid():
        job = work.start_study(
            row,
            form.cleaned_data["kind"],
            NAMED[form.cleaned_data["recipe"]],
            seed=form.cleaned_data["seed"],
            requested_by=request.user.get_username(),
        )
        return redirect("study", job.params["study_id"])
    page = {
        "rows": contexts.study_rows(row),
        "form": form,
        "row": dataset_contexts.dataset_row(row),
        "area": "datasets",
    }
    return render(request, "workbench/studies.html", page)


@require_safe
def study(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.study(request, pk)
    shown = contexts.study_page(row)
    page = {
        "page": shown,
        "curve_options": contexts.curve_options(shown.curve),
        "job": job_contexts.open_job(study_id=pk),
        "dataset": dataset_contexts.dataset_row(row.dataset),
        "area": "datasets",
    }
    return render(request, "workbench/study.html", page)
