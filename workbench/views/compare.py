"""Two runs side by side."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from workbench.views import access
from workbench.views.contexts import compare as contexts
from workbench.views.contexts import datasets as dataset_contexts


@require_safe
def compare(request: HttpRequest, pk: int, other: int) -> HttpResponse:
    """What the run `other` gained on the run `pk`, over all test items and item by item."""
    base, second = access.run(request, pk), access.run(request, other)
    show, number = request.GET.get("show", ""), request.GET.get("page", "1")
    page = {
        "page": contexts.compare_page(base, second, show, number),
        "dataset": dataset_contexts.dataset_row(base.dataset),
        "area": "datasets",
    }
    return render(request, "workbench/compare.html", page)
