"""What a person decides on a suggestion."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from labeling.services.choice import NothingToLabel
from trainer.services.curves import NoCurve
from workbench.services import advice
from workbench.views import access


@require_POST
def take(request: HttpRequest, pk: int) -> HttpResponseRedirect:
    row = access.advice(request, pk)
    try:
        job = advice.take_advice(row, requested_by=request.user.get_username())
    except (NothingToLabel, NoCurve) as reason:
        messages.error(request, str(reason))
        return redirect("dataset", row.dataset_id)
    messages.success(request, "Taken. What it promised is kept beside what it will bring.")
    return redirect("job", job.pk) if job else redirect("dataset", row.dataset_id)


@require_POST
def dismiss(request: HttpRequest, pk: int) -> HttpResponseRedirect:
    row = access.advice(request, pk)
    advice.dismiss_advice(row)
    messages.success(request, "Dismissed.")
    return redirect("dataset", row.dataset_id)
