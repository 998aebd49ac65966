"""What the API takes and answers beside the pages' contexts."""

from dataclasses import dataclass
from typing import Annotated, TypeVar
from uuid import UUID

from django.urls import reverse
from ninja import Schema
from pydantic import Field

from workbench.ledger.models import Job

T = TypeVar("T")
Pk = Annotated[int, Field(ge=1, lt=2**31)]  # what every database can compare
REFUSALS = frozenset({400, 401, 403, 404, 409, 422})


class Problem(Schema):
    detail: object  # a sentence, or a list of what is wrong with the request


@dataclass(frozen=True)
class Started:
    """Work was queued: where to watch it, and the number of the run, curve or pretraining that it makes."""

    job: UUID
    job_url: str
    run: int | None = None
    curve: int | None = None
    pretraining: int | None = None


def started(job: Job) -> Started:
    made = (job.params.get(name) for name in ("run_id", "curve_id", "pretraining_id"))
    return Started(job.pk, reverse("api:job", args=[job.pk]), *made)


def answers(success: type[T], status: int = 200) -> dict[object, object]:
    """Return the answers of an operation: its success, and the refusals that any may give."""
    return {status: success, REFUSALS: Problem}
