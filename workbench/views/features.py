"""Features: what was learned from the pictures alone, and the vectors that it gives."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from labeling.models import Dataset
from trainer.services.pretraining import NoFeatures
from workbench import forms
from workbench.services import work
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import datasets as dataset_contexts
from workbench.views.contexts import features as contexts


@require_http_methods(["GET", "HEAD", "POST"])
def features(request: HttpRequest, pk: int) -> HttpResponse:
    """Show them, or start learning some."""
    also = [Right.MANAGE] if request.method == "POST" else []
    row = access.dataset(request, pk, Right.MODELS, *also)
    form = forms.Features(request.POST or None)
    if form.is_valid():
        job = work.start_pretraining(
            row,
            form.cleaned_data["plan"],
            seed=form.cleaned_data["seed"],
            requested_by=request.user.get_username(),
        )
        return redirect("job", job.pk)
    return _page(request, row, form, forms.Embedding())


@require_POST
def embed(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    form = forms.Embedding(request.POST)
    if form.is_valid():
        try:
            job = work.start_embedding(
                row, form.cleaned_data["source"], requested_by=request.user.get_username()
            )
            return redirect("job", job.pk)
        except NoFeatures as reason:
            form.add_error("source", str(reason))
    return _page(request, row, forms.Features(), form)


def _page(
    request: HttpRequest, row: Dataset, form: forms.Features, embedding: forms.Embedding
) -> HttpResponse:
    page = {
        "page": contexts.features_page(row),
        "form": form,
        "embedding": embedding,
        "row": dataset_contexts.dataset_row(row),
        "area": "datasets",
    }
    return render(request, "workbench/features.html", page)
