"""What training left, in Django's admin: to look at and to delete, never to type in."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from trainer.models import (
    Comparison,
    Curve,
    CurveCell,
    Forecast,
    ModelVersion,
    Pretraining,
    Promotion,
    Run,
    Study,
)


class Record(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that work wrote: what was measured cannot be edited."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Run)
class RunAdmin(Record):
    list_display = ("__str__", "dataset", "state", "n_train", "n_test", "created_at")
    list_filter = ("state", "dataset")
    search_fields = ("name",)


@admin.register(Pretraining)
class PretrainingAdmin(Record):
    list_display = ("__str__", "dataset", "state", "n", "created_at")
    list_filter = ("state", "dataset")


@admin.register(Study)
class StudyAdmin(Record):
    list_display = ("__str__", "dataset", "state", "created_at")
    list_filter = ("kind", "state", "dataset")


@admin.register(Comparison)
class ComparisonAdmin(Record):
    list_display = ("base", "other", "metric", "gain", "low", "high")
    list_select_related = ("base", "other")


@admin.register(ModelVersion)
class ModelVersionAdmin(Record):
    list_display = ("__str__", "dataset", "state", "run", "created_at")
    list_filter = ("state", "dataset")
    list_select_related = ("dataset", "run")


@admin.register(Promotion)
class PromotionAdmin(Record):
    list_display = ("version", "dataset", "kind", "by", "at")
    list_filter = ("kind", "dataset")
    list_select_related = ("version", "dataset")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(CurveCell)
class CurveCellAdmin(Record):
    list_display = ("dataset", "n", "repeat", "created_at")
    list_filter = ("dataset",)


@admin.register(Curve)
class CurveAdmin(Record):
    list_display = ("__str__", "dataset", "n_test", "created_at", "finished_at")
    list_filter = ("dataset",)


@admin.register(Forecast)
class ForecastAdmin(Record):
    list_display = ("curve", "metric", "last_value", "refused", "created_at")
