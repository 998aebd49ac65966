"""Runs: all of a dataset, one in full, and starting a new one."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from trainer.engine.folds import NoFolds
from trainer.engine.recipe import NAMED
from trainer.engine.recipe_fields import LABELS
from workbench.services import job_control, work
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import compare as compare_contexts
from workbench.views.contexts import comparisons as comparison_contexts
from workbench.views.contexts import datasets as dataset_contexts
from workbench.views.contexts import jobs as job_contexts
from workbench.views.contexts import out_of_fold as out_of_fold_contexts
from workbench.views.contexts import plans
from workbench.views.contexts import runs as contexts
from workbench.views.train_form import Training


@require_safe
def runs(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.dataset(request, pk, Right.MODELS)
    page = {
        "row": dataset_contexts.dataset_row(row),
        "rows": contexts.run_rows(row),
        "comparison": comparison_contexts.latest_comparison(row),
        "area": "datasets",
    }
    return render(request, "workbench/runs.html", page)


@require_safe
def run(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.run(request, pk)
    shown = contexts.run_page(row)
    trained_by = job_contexts.job_of(row.job)
    ended = trained_by and not trained_by.row.is_open
    page = {
        "page": shown,
        "can_retry": trained_by is not None and trained_by.row.can_retry,
        "log": trained_by.tail if trained_by and ended else "",
        "history_options": contexts.history_options(row, shown.history),
        "job": job_contexts.open_job(run_id=pk),
        "peers": compare_contexts.peers(row),
        "folds_failed": out_of_fold_contexts.failure(row),
        "dataset": dataset_contexts.dataset_row(row.dataset),
        "area": "datasets",
    }
    return render(request, "workbench/run.html", page)


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponseRedirect:
    """Stop what works on the run."""
    row = access.run(request, pk, Right.MANAGE)
    asked = [job_control.cancel(job, timezone.now()) for job in job_control.open_jobs_of_run(row)]
    if not any(asked):
        messages.error(request, "The run had ended before it could be stopped.")
    return redirect("run", pk)


@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponseRedirect:
    """Run a failed or cancelled training again, with the same recipe and seed."""
    row = access.run(request, pk, Right.MANAGE)
    job = job_control.job_of_run(row)
    if job is None or not job_control.retry(job, timezone.now()):
        messages.error(request, "Only a run that failed or was cancelled can run again.")
    return redirect("run", pk)


def _wished(request: HttpRequest) -> dict[str, str]:
    """Return what the address asks the form to begin with, e.g. ?learning_rate=0.03; else it is ignored."""
    asked = {name: request.GET[name] for name in LABELS if name in request.GET}
    recipe = request.GET.get("recipe")
    return {**asked, "recipe": recipe} if recipe in NAMED else asked


@require_http_methods(["GET", "HEAD", "POST"])
def train(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose a recipe; the plan of its rebalancing is shown before anything happens."""
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    form = Training(request.POST or None, initial=_wished(request))
    if form.is_valid() and "look" not in request.POST:
        job = work.start_training(
            row,
            form.cleaned_data["chosen"],
            seed=form.cleaned_data["seed"],
            requested_by=request.user.get_username(),
        )
        return redirect("run", job.params["run_id"])
    page = {
        "form": form,
        "row": dataset_contexts.dataset_row(row),
        "presets": plans.presets(row),
        "told": plans.told(),
        "own": plans.own_plan(row, form),
        "schedules": plans.schedules(row, form),
        "largest": plans.largest(row),
        "area": "datasets",
    }
    return render(request, "workbench/train.html", page)


@require_POST
def out_of_fold(request: HttpRequest, pk: int) -> HttpResponseRedirect:
    row = access.run(request, pk, Right.MANAGE)
    try:
        work.start_out_of_fold(row, requested_by=request.user.get_username())
    except NoFolds as reason:
        messages.error(request, str(reason))
    return redirect("run", pk)
