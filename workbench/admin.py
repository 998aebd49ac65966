"""What administrators look at and set going in Django's admin; what changes rows are the pages."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from labeling.admin import DatasetAdmin
from labeling.models import Dataset
from workbench.ledger.models import Job
from workbench.models import Advice, RetrainDecision, RetrainRule
from workbench.services import retraining

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


@admin.register(RetrainRule)
class RetrainRuleAdmin(_Kept):
    list_display = ("dataset", "enabled", "every_labels", "schedule", "floor", "changed_by", "changed_at")


@admin.register(RetrainDecision)
class RetrainDecisionAdmin(_Kept):
    list_display = ("at", "dataset", "trigger", "started", "reason")
    list_filter = ("dataset", "trigger", "started")


admin.site.unregister(Dataset)  # what starts work lives in this room, so its dataset has one action more


@admin.register(Dataset)
class RetrainableDatasetAdmin(DatasetAdmin):
    actions = ("retrain_chosen",)

    def has_retrain_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ledger.add_job")

    @admin.action(description="Retrain the chosen datasets", permissions=["retrain"])
    def retrain_chosen(self, request: HttpRequest, chosen: QuerySet[Dataset]) -> None:
        """Queue a training of each dataset's rule; what cannot be trained is named with its reason."""
        for dataset in chosen:
            try:
                retraining.retrain_now(dataset, by=request.user.get_username(), now=timezone.now())
            except retraining.CannotRetrain as reason:
                self.message_user(request, f"{dataset}: {reason}", messages.ERROR)
            else:
                self.message_user(request, f"{dataset}: a training is queued.", messages.SUCCESS)
