"""How much labels were worth, and how past forecasts fared: what a dataset's curves say together."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from workbench.charts.frame import METRICS, WORDS
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import curves as curve_contexts
from workbench.views.contexts import datasets as dataset_contexts
from workbench.views.contexts import forecasts as contexts
from workbench.views.contexts import multipliers as multiplier_contexts


@require_safe
def forecasts(request: HttpRequest, pk: int) -> HttpResponse:
    """The ledger of what was said and what it became."""
    row = access.dataset(request, pk, Right.MODELS)
    metric = request.GET.get("metric", "")
    page = {
        "page": contexts.ledger(row, metric if metric in WORDS else ""),
        "dataset": dataset_contexts.dataset_row(row),
        "curve": curve_contexts.newest(row),
        "here": "forecasts",
        "area": "datasets",
    }
    return render(request, "workbench/forecasts.html", page)


@require_safe
def multipliers(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.dataset(request, pk, Right.MODELS)
    metric = request.GET.get("metric", "")
    metric = metric if metric in METRICS else curve_contexts.DEFAULT_METRIC
    page = {
        "rows": multiplier_contexts.multiplier_rows(row, metric),
        "metric": metric,
        "metrics": tuple(METRICS.items()),
        "dataset": dataset_contexts.dataset_row(row),
        "curve": curve_contexts.newest(row),
        "here": "multipliers",
        "area": "datasets",
    }
    return render(request, "workbench/multipliers.html", page)
