"""Background work: what runs, how far it is, what it said, and how to stop it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from workbench.services import job_control
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import jobs as contexts


@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    access.allow(request, Right.JOBS)
    return render(request, "workbench/jobs.html", {"rows": contexts.latest(), "area": "jobs"})


@require_safe
def job(request: HttpRequest, pk: UUID) -> HttpResponse:
    page = contexts.job_page(access.job(request, pk))
    return render(request, "workbench/job.html", {"page": page, "area": "jobs"})


@require_POST
def cancel(request: HttpRequest, pk: UUID) -> HttpResponseRedirect:
    if job_control.cancel(access.job(request, pk, Right.MANAGE), timezone.now()):
        messages.success(request, "The job was asked to stop.")
    else:
        messages.error(request, "The job had ended before it could be stopped.")
    return redirect("job", pk)


@require_POST
def retry(request: HttpRequest, pk: UUID) -> HttpResponseRedirect:
    if job_control.retry(access.job(request, pk, Right.MANAGE), timezone.now()):
        messages.success(request, "The job waits for a worker again.")
    else:
        messages.error(request, "Only a failed or cancelled job can run again, and none like it may be open.")
    return redirect("job", pk)
