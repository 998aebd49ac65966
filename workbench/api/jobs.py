"""Background work: watch it, stop it, run it again."""

from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Status
from ninja.errors import HttpError

from workbench.api.shapes import answers
from workbench.services import job_control
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import jobs as contexts
from workbench.views.contexts.jobs import JobPage, JobRow

router = Router(tags=["jobs"])


@router.get("jobs", response=answers(list[JobRow]), summary="Open jobs, then the latest others")
def jobs(request: HttpRequest) -> list[JobRow]:
    access.allow(request, Right.JOBS)
    return contexts.latest()


@router.get("jobs/{uuid:pk}", response=answers(JobPage), summary="One job with its log", url_name="job")
def job(request: HttpRequest, pk: UUID) -> JobPage:
    return contexts.job_page(access.job(request, pk))


@router.post("jobs/{uuid:pk}/cancel", response=answers(JobPage, 202), summary="Ask it to stop")
def cancel(request: HttpRequest, pk: UUID) -> Status[JobPage]:
    row = access.job(request, pk, Right.MANAGE)
    if not job_control.cancel(row, timezone.now()):
        raise HttpError(409, "The job has ended.")
    row.refresh_from_db()
    return Status(202, contexts.job_page(row))


@router.post("jobs/{uuid:pk}/retry", response=answers(JobPage, 202), summary="Run a failed one again")
def retry(request: HttpRequest, pk: UUID) -> Status[JobPage]:
    row = access.job(request, pk, Right.MANAGE)
    if not job_control.retry(row, timezone.now()):
        raise HttpError(409, "Only a failed or cancelled job can run again, and none like it may be open.")
    row.refresh_from_db()
    return Status(202, contexts.job_page(row))
