"""Learning curves: the numbers behind the charts, and computing one."""

from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field

from trainer.engine.recipe import NAMED, InvalidRecipe, Recipe
from trainer.services.curves import MOST_TRAININGS, Design, NoCurve
from trainer.services.pretraining import NoFeatures
from workbench import forms
from workbench.api.shapes import Pk, Started, answers, started
from workbench.charts.frame import Info
from workbench.services import work
from workbench.views import access, curve_forms
from workbench.views.access import Right
from workbench.views.contexts import curve_classes, trainings
from workbench.views.contexts import curves as contexts
from workbench.views.contexts.curve_look import Look
from workbench.views.contexts.curves import CurveRow
from workbench.views.contexts.trainings import TrainingPage

router = Router(tags=["curves"])
Metric = Literal["accuracy", "balanced_accuracy", "macro_f1"]


class Looking(Schema):
    """What a page's address says too; a class for the recall of it, against its own labels."""

    metric: Metric = "accuracy"
    label: str = ""
    x: Literal["labels", "cost", "hours", "compute"] = "labels"
    scale: Literal["log", "linear"] = "log"
    target: Annotated[float, Field(gt=0, le=100)] | None = None  # per cent
    group: Literal["curve", "recipe", "policy"] = "curve"
    others: list[Pk] = []


class NewCurve(Schema):
    """The recipe is one by name, or a whole one as a run's recipe.json holds it."""

    preset: Literal["quick", "standard", "thorough", "adaptive"] = "standard"
    budget: Annotated[int, Field(ge=0, le=MOST_TRAININGS)] = 0  # trainings in all of an adaptive curve
    aim: Annotated[int, Field(ge=0, le=curve_forms.MOST_LABELS)] = 0  # labels where its band shall be narrow
    recipe: str | dict[str, object] = "plain"
    tiers: list[Literal["ridge", "logistic", "mlp"]] = ["ridge", "mlp"]
    seed: Annotated[int, Field(ge=0, le=forms.MAX_SEED)] | None = None
    random_only: bool = False  # leaves out the labels that a model asked for
    afresh: bool = False  # shuffles all labels anew instead of going on with the last curve of this kind


@router.get("datasets/{int:pk}/curves", response=answers(list[CurveRow]), summary="A dataset's curves")
def curves(request: HttpRequest, pk: Pk) -> list[CurveRow]:
    return list(contexts.curve_rows(access.dataset(request, pk, Right.MODELS)))


@router.get("curves/{int:pk}", response=answers(Info), summary="One curve: points, forecast, sentences")
def curve(request: HttpRequest, pk: Pk, looking: Query[Looking]) -> Info:
    row = access.curve(request, pk)
    if looking.label and looking.label not in row.dataset.classes:
        raise HttpError(422, f"label must be a class of {row.dataset}, got {looking.label!r}")
    return contexts.curve_info(row, Look(**looking.dict() | {"others": tuple(looking.others)}))


@router.get(
    "curves/{int:pk}/classes", response=answers(Info), summary="Recall of every class, the worst first"
)
def classes(request: HttpRequest, pk: Pk) -> Info:
    return curve_classes.classes_info(access.curve(request, pk))


@router.get("trainings/{slug:key}", response=answers(TrainingPage), summary="One training of a curve")
def training(request: HttpRequest, key: str) -> TrainingPage:
    return trainings.training_page(access.cell(request, key))


@router.post(
    "datasets/{int:pk}/curves",
    response=answers(Started, 202),
    summary="Compute a curve",
    url_name="start_curve",
)
def start(request: HttpRequest, pk: Pk, wanted: NewCurve) -> Status[Started]:
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    try:
        job = work.start_curve(
            row,
            design=_design(wanted),
            recipe=_recipe(wanted.recipe),
            tiers=tuple(dict.fromkeys(wanted.tiers)),
            seed=wanted.seed,
            afresh=wanted.afresh,
            requested_by=request.user.get_username(),
        )
    except (NoCurve, NoFeatures) as reason:
        raise HttpError(409, f"{str(reason).rstrip('.')}.") from reason
    return Status(202, started(job))


def _design(wanted: NewCurve) -> Design:
    try:
        return Design(wanted.preset, wanted.budget, wanted.aim, wanted.random_only)
    except ValueError as problem:
        raise HttpError(422, str(problem)) from problem


def _recipe(wanted: str | dict[str, object]) -> str | Recipe:
    if isinstance(wanted, str):
        if wanted not in NAMED:
            raise HttpError(422, f"recipe must be one of {', '.join(NAMED)} or an object, got {wanted!r}")
        return wanted
    try:
        return Recipe.from_json(wanted)
    except InvalidRecipe as problem:
        raise HttpError(422, str(problem)) from problem
