"""Runs: what they measured, and starting one."""

from typing import Annotated

from django.http import HttpRequest
from ninja import Header, Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field

from trainer.engine.folds import NoFolds
from trainer.engine.recipe import NAMED, Recipe
from trainer.engine.recipe_fields import LABELS
from trainer.models import Run
from workbench import forms
from workbench.api.shapes import Pk, Started, answers, started
from workbench.ledger.models import Job
from workbench.services import work
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import runs as contexts
from workbench.views.contexts.comparisons import ComparisonRow, latest_comparison
from workbench.views.contexts.runs import RunPage, RunRow
from workbench.views.train_form import Training

router = Router(tags=["runs"])
IdempotencyKey = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[\x21-\x7e]+$")]


class NewRun(Schema):
    """A named recipe, and single choices of it changed; what is left out stays as the recipe says."""

    recipe: str
    seed: Annotated[int, Field(ge=0, le=forms.MAX_SEED)] | None = None
    policy: str | None = None  # "none" trains on the pictures as they are
    rebalance: float | None = None
    resolution: Annotated[int, Field(lt=2**31)] | None = None
    learning_rate: float | None = None
    fields: dict[str, str | float | int] = {}  # any other field of a recipe by its name; "none" for nothing


@router.get(
    "datasets/{int:pk}/runs", response=answers(list[RunRow]), summary="A dataset's runs, newest first"
)
def runs(request: HttpRequest, pk: Pk) -> list[RunRow]:
    return list(contexts.run_rows(access.dataset(request, pk, Right.MODELS)))


@router.get(
    "datasets/{int:pk}/comparison",
    response=answers(list[ComparisonRow]),
    summary="The newest pair of compared runs",
)
def comparison(request: HttpRequest, pk: Pk) -> list[ComparisonRow]:
    return list(latest_comparison(access.dataset(request, pk, Right.MODELS)))


@router.get("runs/{int:pk}", response=answers(RunPage), summary="One run in full")
def run(request: HttpRequest, pk: Pk) -> RunPage:
    return contexts.run_page(access.run(request, pk))


@router.post(
    "datasets/{int:pk}/runs", response=answers(Started, 202), summary="Start a training", url_name="start_run"
)
def start(
    request: HttpRequest,
    pk: Pk,
    wanted: NewRun,
    idempotency_key: Annotated[IdempotencyKey | None, Header()] = None,
) -> Status[Started]:
    """With an Idempotency-Key, the same request sent again answers with the training of the first.

    The key counts for one dataset; with another recipe or seed it is refused.
    """
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    form = Training(_chosen(wanted))
    if not form.is_valid():
        raise HttpError(422, "; ".join(str(error) for errors in form.errors.values() for error in errors))
    key = f"api:{request.user.pk}:{pk}:{idempotency_key}" if idempotency_key else None
    job = Job.objects.filter(dedupe_key=key).first() if key else None
    if job is None:
        job = work.start_training(
            row,
            form.cleaned_data["chosen"],
            seed=form.cleaned_data["seed"],
            requested_by=request.user.get_username(),
            dedupe_key=key,
        )
    _refuse_another(job, form.cleaned_data["chosen"], form.cleaned_data["seed"])
    return Status(202, started(job))


@router.post(
    "runs/{int:pk}/out-of-fold",
    response=answers(Started, 202),
    summary="Judge its training pictures by models that never saw them",
    url_name="start_out_of_fold",
)
def start_out_of_fold(request: HttpRequest, pk: Pk) -> Status[Started]:
    """While a job is open for the run, asking again answers with that job."""
    try:
        job = work.start_out_of_fold(
            access.run(request, pk, Right.MANAGE), requested_by=request.user.get_username()
        )
    except NoFolds as reason:
        raise HttpError(409, str(reason)) from reason
    return Status(202, started(job))


def _chosen(wanted: NewRun) -> dict[str, object]:
    """Return the request as the form takes it; raises 422 for a field that no recipe has."""
    told = {name: value for name, value in wanted.dict(exclude={"fields"}).items() if value is not None}
    unknown = sorted(set(wanted.fields) - set(LABELS))
    if unknown:
        raise HttpError(422, f"unknown field {', '.join(unknown)}; known are {', '.join(sorted(LABELS))}")
    return {**told, **wanted.fields}


def _refuse_another(job: Job, chosen: Recipe | str, seed: int | None) -> None:
    """Raise 409 where the key belongs to another training than the one asked for."""
    run = Run.objects.filter(pk=job.params["run_id"]).first()
    if run is None:
        return
    recipe = NAMED[chosen] if isinstance(chosen, str) else chosen
    if Recipe.from_json(run.recipe) != recipe or seed not in (None, run.seed):
        raise HttpError(409, f"This Idempotency-Key started run {run.pk}, with another recipe or seed.")
