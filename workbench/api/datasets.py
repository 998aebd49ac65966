"""Datasets and their samples."""

from dataclasses import dataclass
from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from workbench import forms
from workbench.api.shapes import Pk, answers
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import datasets as contexts
from workbench.views.contexts import samples as sample_contexts
from workbench.views.contexts.datasets import DatasetPage, DatasetRow
from workbench.views.contexts.samples import SampleCard

router = Router(tags=["datasets"])


class SampleChoice(Schema):
    """The filters of the samples page; what makes no sense filters nothing."""

    q: Annotated[str, Field(max_length=100)] = ""
    state: str = ""
    split: str = ""
    label: str = ""
    predicted: str = ""
    order: str = ""
    page: Annotated[int, Field(ge=1, lt=2**31)] = 1


@dataclass(frozen=True)
class SampleList:
    count: int
    page: int
    pages: int
    items: list[SampleCard]


@router.get("datasets", response=answers(list[DatasetRow]), summary="All datasets, newest first")
def datasets(request: HttpRequest) -> list[DatasetRow]:
    access.allow(request, Right.DATA)
    return list(contexts.dataset_rows())


@router.get(
    "datasets/{int:pk}", response=answers(DatasetPage), summary="One dataset: counts, progress, rounds"
)
def dataset(request: HttpRequest, pk: Pk) -> DatasetPage:
    return contexts.dataset_page(access.dataset(request, pk), access.whose_record(request))


@router.get("datasets/{int:pk}/samples", response=answers(SampleList), summary="Samples, page by page")
def samples(request: HttpRequest, pk: Pk, chosen: Query[SampleChoice]) -> SampleList:
    row = access.dataset(request, pk)
    found = sample_contexts.page_of(row, forms.SampleFilter(row, chosen.dict()), chosen.page)
    return SampleList(
        found.paginator.count,
        found.number,
        found.paginator.num_pages,
        list(sample_contexts.cards(found.object_list)),
    )
