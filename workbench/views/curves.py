"""Learning curves: all of a dataset, one in full, its numbers, and starting a new one."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from trainer.services.curves import NoCurve
from workbench import charts, forms
from workbench.services import work
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import curves as contexts
from workbench.views.contexts import datasets as dataset_contexts
from workbench.views.contexts import jobs as job_contexts


def _metric(request: HttpRequest) -> str:
    """The metric that the address names; the first one where it names none that there is."""
    wanted = request.GET.get("metric", "")
    return wanted if wanted in charts.METRICS else contexts.DEFAULT_METRIC


@require_safe
def curve(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.curve(request, pk)
    page = {
        "page": contexts.curve_page(row, _metric(request)),
        "job": job_contexts.open_job(curve_id=pk),
        "dataset": dataset_contexts.dataset_row(row.dataset),
        "others": [other for other in contexts.curve_rows(row.dataset) if other.id != pk],
        "area": "datasets",
    }
    return render(request, "workbench/curve.html", page)


@require_safe
def numbers(request: HttpRequest, pk: int) -> HttpResponse:
    """The curve's points and forecast as CSV."""
    row = access.curve(request, pk)
    text = contexts.curve_csv(contexts.curve_info(row, _metric(request)))
    headers = {"Content-Disposition": f'attachment; filename="curve-{pk}.csv"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    form = forms.NewCurve(request.POST or None)
    if form.is_valid():
        try:
            job = work.start_curve(
                row, design=form.cleaned_data["preset"], requested_by=request.user.get_username()
            )
            return redirect("curve", job.params["curve_id"])
        except NoCurve as reason:
            form.add_error(None, f"{reason}.")
    presets = contexts.presets(row)
    page = {
        "form": form,
        "row": dataset_contexts.dataset_row(row),
        "presets": presets,
        "refused": presets[0].refused if all(preset.refused for preset in presets) else "",
        "area": "datasets",
    }
    return render(request, "workbench/new_curve.html", page)
