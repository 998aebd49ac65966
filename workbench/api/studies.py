"""Studies: range tests and batch maps, and starting one."""

from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field

from trainer.engine.recipe import NAMED, InvalidRecipe, Recipe
from workbench import forms
from workbench.api.shapes import Pk, Started, answers, started
from workbench.services import work
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import studies as contexts
from workbench.views.contexts.studies import StudyPage, StudyRow

router = Router(tags=["studies"])


class NewStudy(Schema):
    """The recipe is one by name, or a whole one as a run's recipe.json holds it."""

    kind: Literal["range-test", "batch-map"]
    recipe: str | dict[str, object] = "plain"
    seed: Annotated[int, Field(ge=0, le=forms.MAX_SEED)] | None = None


@router.get("datasets/{int:pk}/studies", response=answers(list[StudyRow]), summary="Studies, newest first")
def studies(request: HttpRequest, pk: Pk) -> list[StudyRow]:
    return list(contexts.study_rows(access.dataset(request, pk, Right.MODELS)))


@router.get("studies/{int:pk}", response=answers(StudyPage), summary="One study in full")
def study(request: HttpRequest, pk: Pk) -> StudyPage:
    return contexts.study_page(access.study(request, pk))


@router.post(
    "datasets/{int:pk}/studies",
    response=answers(Started, 202),
    summary="Start a range test or a batch map",
    url_name="start_study",
)
def start(request: HttpRequest, pk: Pk, wanted: NewStudy) -> Status[Started]:
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    job = work.start_study(
        row, wanted.kind, _recipe(wanted.recipe), seed=wanted.seed, requested_by=request.user.get_username()
    )
    return Status(202, started(job))


def _recipe(wanted: str | dict[str, object]) -> Recipe:
    if isinstance(wanted, str):
        if wanted not in NAMED:
            raise HttpError(422, f"recipe must be one of {', '.join(NAMED)} or an object, got {wanted!r}")
        return NAMED[wanted]
    try:
        return Recipe.from_json(wanted)
    except InvalidRecipe as problem:
        raise HttpError(422, str(problem)) from problem
