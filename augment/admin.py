"""Previews in Django's admin: to look at and to delete, never to type in."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from augment.models import Preview


@admin.register(Preview)
class PreviewAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("dataset", "policy", "seed", "created_at")
    list_filter = ("dataset", "policy")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
