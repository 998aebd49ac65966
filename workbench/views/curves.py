"""Learning curves: one in full, its classes, its trainings, its numbers, and starting a new one."""

from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from trainer.models import Curve
from trainer.services.curves import NoCurve
from trainer.services.pretraining import NoFeatures
from workbench.services import work
from workbench.views import access, curve_forms
from workbench.views.access import Right
from workbench.views.contexts import curve_classes, curve_look, curve_presets, trainings
from workbench.views.contexts import curves as contexts
from workbench.views.contexts import datasets as dataset_contexts
from workbench.views.contexts import jobs as job_contexts
from workbench.views.contexts.curve_look import Look


def _look(request: HttpRequest, curve: Curve) -> Look:
    return curve_forms.Looking(curve, request.GET).look()


@require_safe
def curve(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.curve(request, pk)
    page = {
        "page": contexts.curve_page(row, _look(request, row)),
        "job": job_contexts.open_job(curve_id=row.of_id or pk),
        "dataset": dataset_contexts.dataset_row(row.dataset),
        "others": [other for other in contexts.curve_rows(row.dataset) if other.id != pk],
        "here": "curve",
        "area": "datasets",
    }
    return render(request, "workbench/curve.html", page)


@require_safe
def classes(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.curve(request, pk)
    page = {
        "page": curve_classes.classes_page(row),
        "dataset": dataset_contexts.dataset_row(row.dataset),
        "here": "classes",
        "area": "datasets",
    }
    return render(request, "workbench/curve_classes.html", page)


@require_safe
def numbers(request: HttpRequest, pk: int) -> HttpResponse:
    """The curve's points and forecast as CSV."""
    row = access.curve(request, pk)
    look = _look(request, row)
    alone = replace(look, others=look.others or ())  # other curves only where the address names them
    text = contexts.curve_csv(contexts.curve_info(row, alone), curve_look.words(row))
    headers = {"Content-Disposition": f'attachment; filename="curve-{pk}.csv"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


@require_safe
def training(request: HttpRequest, key: str) -> HttpResponse:
    """One point of a curve: its receipt."""
    cell = access.cell(request, key)
    page = {
        "page": trainings.training_page(cell),
        "dataset": dataset_contexts.dataset_row(cell.dataset),
        "area": "datasets",
    }
    return render(request, "workbench/training.html", page)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    form = curve_forms.NewCurve(row, request.POST or None)
    if form.is_valid():
        given = form.cleaned_data
        try:
            job = work.start_curve(
                row,
                design=form.design,
                recipe=given["wanted"],
                tiers=tuple(given["tiers"]),
                seed=given["seed"],
                afresh=given["afresh"],
                requested_by=request.user.get_username(),
            )
            return redirect("curve", job.params["curve_id"])
        except (NoCurve, NoFeatures) as reason:
            form.add_error(None, f"{str(reason).rstrip('.')}.")
    presets = curve_presets.presets(row)
    page = {
        "form": form,
        "switches": (form["random_only"], form["afresh"]),
        "row": dataset_contexts.dataset_row(row),
        "presets": presets,
        "tiers": curve_presets.tiers(form["tiers"].value()),
        "refused": presets[0].refused if all(preset.refused for preset in presets) else "",
        "area": "datasets",
    }
    return render(request, "workbench/new_curve.html", page)
