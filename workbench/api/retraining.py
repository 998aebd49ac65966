"""Retraining: the rule of a dataset, why it ran or did not, and training now."""

import json
from dataclasses import dataclass
from datetime import time
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Header, Router, Schema, Status
from ninja.errors import HttpError

from workbench.api.runs import IdempotencyKey
from workbench.api.shapes import Pk, Started, answers, started
from workbench.services import retraining as service
from workbench.services.retrain_facts import rule_of
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import retraining as contexts
from workbench.views.contexts.retraining import RetrainPage
from workbench.views.retrain_form import OWN, RetrainForm

router = Router(tags=["retraining"])


class NewRule(Schema):
    """The whole rule; what is left out takes its default, and a trigger or bound that is null is off."""

    enabled: bool = False
    recipe: str | dict[str, Any] = "plain"  # a named recipe, or the choices of your own
    seeds: int = 1
    every_labels: int | None = None
    schedule: Literal["never", "hours", "daily", "weekly"] = "never"
    every_hours: int | None = None
    weekday: int | None = None  # 0 is Monday
    at: time | None = None  # in the server's time zone
    floor: int | None = None
    window: Literal["day", "month"] = "day"
    max_trainings: int | None = None
    max_seconds: int | None = None
    promote: Literal["gate", "never"] = "gate"


@dataclass(frozen=True)
class Retrained:
    reason: str
    started: list[Started]  # one for each seed


@router.get(
    "datasets/{int:pk}/retrain-rule",
    response=answers(RetrainPage),
    summary="The rule, when it is due, and why it last ran or did not",
    url_name="retrain_rule",
)
def rule(request: HttpRequest, pk: Pk) -> RetrainPage:
    return contexts.retrain_page(access.dataset(request, pk, Right.MODELS))


@router.put(
    "datasets/{int:pk}/retrain-rule",
    response=answers(RetrainPage),
    summary="Set the rule",
    url_name="retrain_rule",
)
def set_rule(request: HttpRequest, pk: Pk, wanted: NewRule) -> RetrainPage:
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    values = {name: value for name, value in wanted.dict().items() if value is not None}
    if isinstance(wanted.recipe, dict):
        values |= {"recipe": OWN, "own_recipe": json.dumps(wanted.recipe)}
    form = RetrainForm(values)
    if not form.is_valid():
        said = [f"{name}: {error}" for name, errors in form.errors.items() for error in errors]
        raise HttpError(422, "; ".join(said).replace("__all__: ", ""))
    kept = rule_of(row)
    form.fill(kept)
    service.save_rule(kept, by=request.user.get_username(), now=timezone.now())
    return contexts.retrain_page(row)


@router.post(
    "datasets/{int:pk}/retrain",
    response=answers(Retrained, 202),
    summary="Train the rule's recipe now",
    url_name="retrain",
)
def retrain(
    request: HttpRequest, pk: Pk, idempotency_key: Annotated[IdempotencyKey | None, Header()] = None
) -> Status[Retrained]:
    """With an Idempotency-Key, the same request sent again answers with the trainings of the first."""
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    key = f"retrain:{request.user.pk}:{pk}:{idempotency_key}" if idempotency_key else None
    try:
        made = service.retrain_now(row, by=request.user.get_username(), now=timezone.now(), key=key)
    except service.CannotRetrain as reason:
        raise HttpError(409, str(reason)) from reason
    return Status(202, Retrained(made.decision.reason, [started(job) for job in made.jobs]))
