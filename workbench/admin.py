"""Jobs and advice for administrators to look at; what changes them are the pages."""

from django.contrib import admin
from django.http import HttpRequest

from workbench.ledger.models import Job
from workbench.models import Advice

admin.site.site_header = admin.site.site_title = "Seedbed administration"
admin.site.index_title = "Accounts and rows"


class _Kept(admin.ModelAdmin):  # type: ignore[type-arg]  # Django takes none when it runs
    """Rows that services write: shown, never edited or deleted by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Job)
class JobAdmin(_Kept):
    list_display = ("title", "state", "queue", "attempt", "requested_by", "created_at")
    list_filter = ("state", "work", "queue")
    search_fields = ("title", "error")


@admin.register(Advice)
class AdviceAdmin(_Kept):
    list_display = ("action", "dataset", "adviser", "state", "gain", "created_at")
    list_filter = ("state", "adviser")
