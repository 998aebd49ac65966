"""The rows behind the pages, for administrators to look at; only a dataset's name and note can be changed.

Datasets are deleted on their own page, which asks whether work is under way and takes the files along.
"""

from django.contrib import admin
from django.http import HttpRequest

from labeling import models


class _Kept(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that services write: shown, never edited or deleted by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(models.Dataset)
class DatasetAdmin(_Kept):
    list_display = ("name", "created_at")
    fields = ("name", "note", "classes", "created_at")
    readonly_fields = ("classes", "created_at")

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return super(_Kept, self).has_change_permission(request, obj)


@admin.register(models.Sample)
class SampleAdmin(_Kept):
    list_display = ("name", "dataset", "split", "label", "predicted", "doubt")
    list_filter = ("dataset", "split")
    search_fields = ("name", "key")


@admin.register(models.ImportReport)
class ImportReportAdmin(_Kept):
    list_display = ("dataset", "folder", "taken", "known", "created_at")


@admin.register(models.Annotator)
class AnnotatorAdmin(_Kept):
    list_display = ("email", "simulated", "note")


@admin.register(models.Annotation)
class AnnotationAdmin(_Kept):
    list_display = ("sample", "source", "annotator", "label", "updated_at")
    list_filter = ("source",)


@admin.register(models.SelectionRound)
class SelectionRoundAdmin(_Kept):
    list_display = ("id", "dataset", "strategy", "random_share", "overlap", "created_at")


@admin.register(models.LabelTask)
class LabelTaskAdmin(_Kept):
    list_display = ("round", "rank", "sample", "score", "audit", "reason", "ls_task_id")


@admin.register(models.LabelProject)
class LabelProjectAdmin(_Kept):
    list_display = ("title", "dataset", "overlap", "synced_at", "error")


@admin.register(models.EmbeddingSet)
class EmbeddingSetAdmin(_Kept):
    list_display = ("id", "dataset", "source", "dim", "count", "created_at")
    list_filter = ("dataset",)


@admin.register(models.PredictionSet)
class PredictionSetAdmin(_Kept):
    list_display = ("id", "dataset", "source", "model_version", "count", "created_at")


@admin.register(models.LabelIssue)
class LabelIssueAdmin(_Kept):
    list_display = ("sample", "given", "proposed", "score", "state", "verdict", "source")
    list_filter = ("state",)


@admin.register(models.Settlement)
class SettlementAdmin(_Kept):
    list_display = ("dataset", "method", "samples", "changed", "note", "created_at")


@admin.register(models.GoldItem)
class GoldItemAdmin(_Kept):
    list_display = ("sample", "label", "origin", "by", "made_at")


@admin.register(models.PictureIssue)
class PictureIssueAdmin(_Kept):
    list_display = ("sample", "kind", "value", "reason", "dismissed_at")
    list_filter = ("kind",)


@admin.register(models.ClassChange)
class ClassChangeAdmin(_Kept):
    list_display = ("dataset", "version", "kind", "before", "after", "by", "made_at")


@admin.register(models.AnnotationEvent)
class AnnotationEventAdmin(_Kept):
    list_display = ("annotation", "kind", "annotator", "said", "lead_time_s", "happened_at")
    list_filter = ("kind",)


@admin.register(models.StudioServer)
class StudioServerAdmin(_Kept):
    list_display = ("url", "in_use", "version", "account", "polled_at", "heard_at", "error")
    exclude = ("sealed_key",)


@admin.register(models.ClassGuide)
class ClassGuideAdmin(_Kept):
    list_display = ("dataset", "name", "text", "updated_at")
