"""Which Label Studio we speak to, and all that people ever said there."""

from __future__ import annotations

from typing import Any

from django.db import models


class StudioServer(models.Model):
    """A Label Studio: the embedded one, or another with its address and key."""

    url = models.URLField(blank=True, unique=True)  # "" is the embedded server, on whatever port
    public_url = models.URLField(blank=True)  # in people's browsers, where it differs
    sealed_key = models.TextField(blank=True)  # encrypted, see labeling.sealing; "" where settings hold it
    in_use = models.BooleanField(default=False)  # of the outside ones, at most one is
    version = models.CharField(max_length=30, blank=True)
    account = models.EmailField(blank=True)  # behind our key
    checked_at = models.DateTimeField(null=True)  # when version and account were last asked for
    polled_at = models.DateTimeField(null=True)  # the last look for changes that was answered
    heard_at = models.DateTimeField(null=True)  # the last webhook call
    error = models.TextField(blank=True)  # the last trouble, with what to do; "" when all went well
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.url or "the embedded Label Studio"


class AppendOnly(TypeError):
    """Somebody tried to change history; the message says which."""


class EventQuerySet(models.QuerySet["AnnotationEvent"]):
    def update(self, **kwargs: Any) -> int:
        raise AppendOnly("annotation events are never changed: write another one")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnly("annotation events go with their dataset only")


class AnnotationEvent(models.Model):
    """What happened to one annotation, as Label Studio told it; written once, never changed."""

    class Kind(models.TextChoices):
        CREATED = "created"
        EDITED = "edited"
        DELETED = "deleted"
        RESTORED = "restored"  # it was deleted and is there again
        KEPT = "kept"  # gone there, for an old copy was restored; people decided that it counts

    annotation = models.ForeignKey("labeling.Annotation", models.CASCADE, related_name="events")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    annotator = models.ForeignKey(
        "labeling.Annotator", models.PROTECT, null=True, related_name="+", db_index=False
    )
    said = models.CharField(max_length=200, blank=True)  # as it was said, of a class of ours or not
    skipped = models.BooleanField(default=False)
    lead_time_s = models.FloatField(null=True)
    parent_prediction = models.PositiveBigIntegerField(
        null=True
    )  # Label Studio's id of the proposal it began from
    proposal_changed = models.BooleanField(null=True)  # null where it began from none
    happened_at = models.DateTimeField()  # by Label Studio's clock
    recorded_at = models.DateTimeField()  # by ours

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise AppendOnly(f"annotation event {self.pk} is never changed: write another one")
        super().save(*args, **kwargs)

    def __str__(self) -> str:
        return f"{self.kind}: {self.said or 'skipped'}"
