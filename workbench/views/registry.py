"""A dataset's model versions: which one counts and why, changing that, and their files."""

from collections.abc import Iterator, Sequence

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from labeling.models import Dataset
from trainer.engine.model_files import BrokenModel
from trainer.engine.predictions import TestPredictions
from trainer.models import ModelVersion
from trainer.services import cards, registry
from trainer.services.registry import NotPromotable
from workbench.services import versions
from workbench.views import access, downloads, gate_form
from workbench.views.access import Right
from workbench.views.contexts import datasets as dataset_contexts
from workbench.views.contexts import registry as contexts


@require_safe
def models(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, access.dataset(request, pk, Right.MODELS))


def _page(
    request: HttpRequest,
    row: Dataset,
    rule: gate_form.Gate | None = None,
    promote: gate_form.Promote | None = None,
) -> HttpResponse:
    page = {
        "page": contexts.models_page(row),
        "row": dataset_contexts.dataset_row(row),
        "rule_form": rule or gate_form.Gate.of(row),
        "promote_form": promote or gate_form.Promote(row),
        "area": "datasets",
    }
    return render(request, "workbench/models.html", page)


@require_safe
def version(request: HttpRequest, pk: int) -> HttpResponseRedirect:
    """Lead to where the version stands."""
    return redirect("models", access.version(request, pk).dataset_id)


@require_POST
def rule(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    form = gate_form.Gate.of(row, request.POST)
    if not form.is_valid():
        return _page(request, row, rule=form)
    registry.set_rule(row, form.chosen())
    messages.success(request, "The gate's rule is changed. It counts from the next candidate on.")
    return redirect("models", pk)


@require_POST
def promote(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    form = gate_form.Promote(row, request.POST)
    if not form.is_valid():
        return _page(request, row, promote=form)
    chosen = form.cleaned_data["version"]
    try:
        registry.promote(chosen, request.user.get_username(), form.cleaned_data["reason"], timezone.now())
        messages.success(request, f"Version {chosen.number} is the current one now.")
    except NotPromotable as reason:
        messages.error(request, str(reason))
    return redirect("models", pk)


@require_POST
def roll_back(request: HttpRequest, pk: int) -> HttpResponseRedirect:
    row = access.dataset(request, pk, Right.MODELS, Right.MANAGE)
    try:
        done = registry.roll_back(row, request.user.get_username(), timezone.now())
        messages.success(request, f"Version {done.version.number} is the current one again.")
    except NotPromotable as reason:
        messages.error(request, str(reason))
    return redirect("models", pk)


@require_POST
def judge(request: HttpRequest, pk: int) -> HttpResponseRedirect:
    row = access.version(request, pk, Right.MANAGE)
    return redirect("job", versions.start_judging(row, requested_by=request.user.get_username()).pk)


@require_POST
def export(request: HttpRequest, pk: int) -> HttpResponseRedirect:
    row = access.version(request, pk, Right.MANAGE)
    return redirect("job", versions.start_export(row, requested_by=request.user.get_username()).pk)


@require_safe
def weights(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = access.version(request, pk)
    try:
        return downloads.file(registry.weights_file(row), f"{cards.file_name(row)}.safetensors")
    except BrokenModel as broken:
        return _broken(request, row, broken)


@require_safe
def onnx(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = access.version(request, pk)
    try:
        return downloads.file(registry.onnx_file(row), f"{cards.file_name(row)}.onnx")
    except BrokenModel as broken:
        return _broken(request, row, broken)


@require_safe
def card(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.version(request, pk)
    headers = {"Content-Disposition": f'attachment; filename="{cards.file_name(row)}-card.md"'}
    return HttpResponse(cards.write(row), content_type="text/markdown; charset=utf-8", headers=headers)


@require_safe
def predictions(request: HttpRequest, pk: int) -> HttpResponseBase:
    """What the version said of each test picture when it was trained, as CSV."""
    row = access.version(request, pk)
    try:
        said = TestPredictions.load(registry.measured_file(row))
    except FileNotFoundError:
        raise Http404("The predictions' file is gone.") from None
    names = dict(row.dataset.samples.testing().values_list("key", "name"))
    return downloads.table(_rows(said, names), f"{cards.file_name(row)}-predictions.csv")


def _rows(said: TestPredictions, names: dict[str, str]) -> Iterator[Sequence[object]]:
    classes = said.classes.tolist()
    yield ["sha256", "name", "label", "predicted", *(f"p {name}" for name in classes)]
    for key, label, probs in zip(said.keys.tolist(), said.labels.tolist(), said.probs, strict=True):
        shown = (f"{p:.6f}" for p in probs.tolist())
        yield [key, names.get(key, ""), classes[label], classes[int(probs.argmax())], *shown]


def _broken(request: HttpRequest, row: ModelVersion, broken: BrokenModel) -> HttpResponseRedirect:
    messages.error(request, str(broken))
    return redirect("models", row.dataset_id)
