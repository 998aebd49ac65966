"""Two runs side by side: what the other gained, and the test items that it fixed and broke."""

from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Router
from ninja.errors import HttpError
from pydantic import Field

from workbench.api.shapes import Pk, answers
from workbench.views import access
from workbench.views.contexts import compare as contexts
from workbench.views.contexts.compare import ComparePage

router = Router(tags=["runs"])
PageNumber = Annotated[int, Field(ge=1, lt=2**31)]


@router.get(
    "runs/{int:pk}/compare/{int:other}",
    response=answers(ComparePage),
    summary="What another run gained on this one",
)
def compare(
    request: HttpRequest, pk: Pk, other: Pk, show: Literal["fixed", "broken"] = "fixed", page: PageNumber = 1
) -> ComparePage:
    """Runs that were not measured on the same test items are refused with 409."""
    base, second = access.run(request, pk), access.run(request, other)
    found = contexts.compare_page(base, second, show, page)
    if found.refusal:
        raise HttpError(409, found.refusal)
    return found
