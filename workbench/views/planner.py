"""The purchase planner: what a target takes, which classes to buy, and the button that buys them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from labeling.services import pace
from labeling.services.choice import NothingToLabel
from labeling.services.pace import InvalidPrice
from trainer.models import Curve
from workbench.charts.frame import METRICS
from workbench.services import planning, work
from workbench.views import access, curve_forms
from workbench.views.access import Right
from workbench.views.contexts import curves as curve_contexts
from workbench.views.contexts import datasets as dataset_contexts
from workbench.views.contexts import planner as contexts


def _metric(given: QueryDict) -> str:
    wanted = given.get("metric", "")
    return wanted if wanted in METRICS else curve_contexts.DEFAULT_METRIC


def _form(curve: Curve, given: QueryDict, metric: str) -> curve_forms.Wishing:
    """Return the wish of the address, what is left out as it is proposed."""
    usual = {"target": contexts.proposal(curve, metric), "risk": 20, "rounds": 3, "budget": ""}
    return curve_forms.Wishing({name: given.get(name) or value for name, value in usual.items()})


@require_safe
def planner(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.curve(request, pk)
    metric = _metric(request.GET)
    form = _form(row, request.GET, metric)
    dataset = row.dataset
    page = {
        "page": contexts.planner_page(row, form.wish(), metric) if form.is_valid() else None,
        "form": form,
        "row": curve_contexts.curve_row(row),
        "metric": metric,
        "metrics": tuple(METRICS.items()),
        "price_form": curve_forms.Price({"price": dataset.label_price, "currency": dataset.currency}),
        "dataset": dataset_contexts.dataset_row(dataset),
        "query": request.GET.urlencode(),
        "here": "planner",
        "area": "datasets",
    }
    return render(request, "workbench/planner.html", page)


@require_POST
def buy(request: HttpRequest, pk: int) -> HttpResponse:
    """Put the planned pictures into the queue, if the plan is still the one that was on the page."""
    row = access.curve(request, pk, Right.MANAGE)
    metric = _metric(request.POST)
    form = _form(row, request.POST, metric)
    back = _back(request, pk)
    if not form.is_valid():
        messages.error(request, "The wish makes no sense; nothing was put into the queue.")
        return redirect(back)
    plan = planning.plan(row, form.wish(), metric)
    mix, shown = plan.mix, (request.POST.get("total"), request.POST.get("queued"))
    if not mix or (str(sum(mix.values())), str(plan.queued)) != shown:
        messages.error(
            request,
            f"Meanwhile the plan has become another one, of {sum(mix.values())} pictures. Nothing was put"
            " into the queue: look at it again.",
        )
        return redirect(back)
    try:
        job = work.start_purchase(row.dataset, mix, requested_by=request.user.get_username())
    except (NothingToLabel, ValueError) as reason:
        messages.error(request, str(reason))
        return redirect(back)
    return redirect("job", job.pk)


@require_POST
def price(request: HttpRequest, pk: int) -> HttpResponse:
    """Write down what one label costs."""
    row = access.curve(request, pk, Right.MANAGE)
    form = curve_forms.Price(request.POST)
    try:
        if not form.is_valid():
            raise InvalidPrice("The price of a label must be a number from 0 to 10,000, or empty.")
        pace.set_price(row.dataset, form.cleaned_data["price"], form.cleaned_data["currency"])
    except InvalidPrice as reason:
        messages.error(request, str(reason))
    return redirect(_back(request, pk))


def _back(request: HttpRequest, pk: int) -> str:
    """Return the address of the planner with the wish that it showed."""
    return f"{reverse('planner', args=[pk])}?{QueryDict(request.POST.get('query', '')).urlencode()}"
