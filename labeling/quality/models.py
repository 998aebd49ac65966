"""Pictures that are worth a look whatever their label says."""

from __future__ import annotations

from django.db import models


class PictureIssue(models.Model):
    """A picture that is likely of no use: a proposal to look, which changes and deletes nothing by itself."""

    class Kind(models.TextChoices):
        BLANK = "blank"
        DARK = "dark"
        BRIGHT = "bright"
        BLURRY = "blurry"
        ODD_SIZE = "odd_size", "odd size"
        ODD_ASPECT = "odd_aspect", "odd aspect"
        UNREADABLE = "unreadable"  # its stored file is gone or damaged
        LEAK = "leak"  # it may be trained on, and is nearly equal to a test picture

    sample = models.ForeignKey("labeling.Sample", models.CASCADE, related_name="picture_issues")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    value = models.FloatField()  # of the measure that raised it, see labeling.quality.pictures
    reason = models.CharField(max_length=300)  # one sentence
    dismissed_at = models.DateTimeField(null=True)  # somebody looked: it is fine
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["kind", "value", "pk"]
        constraints = [models.UniqueConstraint(fields=["sample", "kind"], name="one_picture_issue_per_kind")]

    def __str__(self) -> str:
        return f"{self.sample}: {self.get_kind_display()}"
