"""Retraining: the rule of a dataset, why it ran or did not, and one click to train now."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from workbench.services import retraining as service
from workbench.services.retrain_facts import rule_of
from workbench.services.retraining import CannotRetrain
from workbench.views import access, retrain_form
from workbench.views.access import Right
from workbench.views.contexts import datasets as dataset_contexts
from workbench.views.contexts import retraining as contexts
from workbench.views.retrain_form import RetrainForm


@require_http_methods(["GET", "HEAD", "POST"])
def retraining(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the rule and what came of it; whoever manages the dataset changes it here."""
    also = [Right.MANAGE] if request.method == "POST" else []
    row = access.dataset(request, pk, Right.MODELS, *also)
    rule = rule_of(row)
    form = RetrainForm(request.POST or None, initial=retrain_form.initial(rule))
    if form.is_valid():
        form.fill(rule)
        service.save_rule(rule, by=request.user.get_username(), now=timezone.now())
        messages.success(request, "The rule is saved.")
        return redirect("retraining", pk)
    page = {
        "page": contexts.retrain_page(row),
        "form": form,
        "row": dataset_contexts.dataset_row(row),
        "area": "datasets",
    }
    return render(request, "workbench/retraining.html", page)


@require_POST
def retrain(request: HttpRequest, pk: int) -> HttpResponseRedirect:
    """Train the rule's recipe now."""
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    try:
        made = service.retrain_now(row, by=request.user.get_username(), now=timezone.now())
    except CannotRetrain as reason:
        messages.error(request, str(reason))
        return redirect("retraining", pk)
    return redirect("run", made.jobs[0].params["run_id"])
