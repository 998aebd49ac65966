"""Features: what was learned from the pictures alone, the vectors that it gives, and starting both."""

from typing import Annotated

from django.http import HttpRequest
from ninja import Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field

from trainer.engine.pretraining import Plan
from trainer.engine.recipe import InvalidRecipe
from trainer.services.pretraining import NoFeatures
from workbench import forms
from workbench.api.shapes import Pk, Started, answers, started
from workbench.services import work
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import features as contexts
from workbench.views.contexts.features import EmbeddingRow, FeaturesPage

router = Router(tags=["features"])


class NewFeatures(Schema):
    """What is left out is as in the product's own plan."""

    network: str = Plan.network
    width: int = Plan.width
    resolution: int = Plan.resolution
    epochs: int = Plan.epochs
    batch: int = Plan.batch
    seed: Annotated[int, Field(ge=0, le=forms.MAX_SEED)] | None = None


class NewEmbedding(Schema):
    source: Annotated[str, Field(min_length=1, max_length=200)]


@router.get(
    "datasets/{int:pk}/features",
    response=answers(FeaturesPage),
    summary="Learned features and embeddings",
    url_name="features",
)
def features(request: HttpRequest, pk: Pk) -> FeaturesPage:
    return contexts.features_page(access.dataset(request, pk, Right.MODELS))


@router.post(
    "datasets/{int:pk}/features",
    response=answers(Started, 202),
    summary="Learn features from all pictures outside the test split",
    url_name="start_features",
)
def start(request: HttpRequest, pk: Pk, wanted: NewFeatures) -> Status[Started]:
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    try:
        plan = Plan(**wanted.dict(exclude={"seed"}))
    except InvalidRecipe as problem:
        raise HttpError(422, str(problem)) from problem
    job = work.start_pretraining(row, plan, seed=wanted.seed, requested_by=request.user.get_username())
    return Status(202, started(job))


@router.get(
    "datasets/{int:pk}/embeddings",
    response=answers(list[EmbeddingRow]),
    summary="Which vectors the pictures have",
    url_name="embeddings",
)
def embeddings(request: HttpRequest, pk: Pk) -> list[EmbeddingRow]:
    return list(contexts.features_page(access.dataset(request, pk, Right.MODELS)).embeddings)


@router.post(
    "datasets/{int:pk}/embeddings",
    response=answers(Started, 202),
    summary="Give every picture a vector",
    url_name="start_embedding",
)
def embed(request: HttpRequest, pk: Pk, wanted: NewEmbedding) -> Status[Started]:
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    try:
        job = work.start_embedding(row, wanted.source, requested_by=request.user.get_username())
    except NoFeatures as reason:
        raise HttpError(409, str(reason)) from reason
    return Status(202, started(job))
