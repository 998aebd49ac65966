"""Datasets: the list, one dataset, and what an admin sets going there."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from labeling.models import Dataset
from labeling.services.candidates import NotReady
from labeling.services.choice import NothingToLabel
from workbench import forms
from workbench.services import removal, work
from workbench.services.removal import StillBusy
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import datasets as contexts
from workbench.views.contexts import rounds


@require_safe
def datasets(request: HttpRequest) -> HttpResponse:
    access.allow(request, Right.DATA)
    page = {"rows": contexts.dataset_rows(), "area": "datasets"}
    return render(request, "workbench/datasets.html", page)


@require_safe
def dataset(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.dataset(request, pk)
    models = contexts.models_part(row) if access.may(request, Right.MODELS) else None
    page = {
        "page": contexts.dataset_page(row, access.whose_record(request)),
        "models": models,
        "area": "datasets",
    }
    return render(request, "workbench/dataset.html", page)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Import a folder, into a new dataset or into one that stands."""
    access.allow(request, Right.DATA, Right.MANAGE)
    known = _named(request)
    form = forms.NewImport(request.POST or None, initial={"name": known.name if known else ""})
    if form.is_valid():
        into, _ = Dataset.objects.get_or_create(
            name=form.cleaned_data["name"], defaults={"created_at": timezone.now()}
        )
        try:
            job = work.start_import(
                into,
                form.cleaned_data["folder"],
                labels_csv=form.cleaned_data["labels_csv"],
                keep_labels=form.cleaned_data["keep_labels"],
                classes=form.cleaned_data["classes"],
                requested_by=request.user.get_username(),
            )
            return redirect("job", job.pk)
        except work.AlreadyImporting as reason:
            form.add_error("folder", str(reason))
    return render(request, "workbench/new_import.html", {"form": form, "area": "datasets"})


def _named(request: HttpRequest) -> Dataset | None:
    """Return the dataset whose number the address gives; what is no such number names none."""
    try:
        return Dataset.objects.filter(pk=int(request.GET["dataset"])).first()
    except (KeyError, ValueError):
        return None


@require_safe
def import_report(request: HttpRequest, pk: int) -> HttpResponse:
    report = access.import_report(request, pk)
    page = {"report": report, "row": contexts.dataset_row(report.dataset), "area": "datasets"}
    return render(request, "workbench/import_report.html", page)


@require_http_methods(["GET", "HEAD", "POST"])
def next_round(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.dataset(request, pk, Right.MANAGE)
    page = rounds.next_round(row)
    form = forms.NextRound(request.POST or None, initial={"strategy": page.usual})
    if form.is_valid():
        try:
            job = work.start_next_round(row, **form.cleaned_data, requested_by=request.user.get_username())
            return redirect("job", job.pk)
        except (NothingToLabel, NotReady) as reason:
            form.add_error(None, str(reason))
    shown = {"form": form, "row": contexts.dataset_row(row), "page": page, "area": "datasets"}
    return render(request, "workbench/next_round.html", shown)


@require_POST
def sync(request: HttpRequest, pk: int) -> HttpResponseRedirect:
    row = access.dataset(request, pk, Right.MANAGE)
    return redirect("job", work.start_sync(row, requested_by=request.user.get_username()).pk)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.dataset(request, pk, Right.DELETE)
    page = {"row": contexts.dataset_row(row), "area": "datasets", "wrong": ""}
    if request.method == "POST" and request.POST.get("name") == row.name:
        try:
            removal.delete_dataset(row)
        except StillBusy as reason:
            page["wrong"] = str(reason)
        else:
            messages.success(request, f"“{row.name}” was deleted.")
            return redirect("datasets")
    elif request.method == "POST":
        page["wrong"] = "That is not its name."
    return render(request, "workbench/delete_dataset.html", page)
