"""What the classes of a dataset mean, and how they came to be what they are."""

from __future__ import annotations

from django.db import models


class ClassChange(models.Model):
    """One version of a dataset's classes: what became of which; never changed, never taken out.

    Annotations keep the word that was said; labeling.classes.versions reads it in today's classes.  A name
    that was given up is not given again, so each word has one meaning.
    """

    class Kind(models.TextChoices):
        RENAME = "rename"  # one class, one new name
        MERGE = "merge"  # several classes become one
        SPLIT = "split"  # one class becomes several: its labels have to be asked for again

    dataset = models.ForeignKey("labeling.Dataset", models.CASCADE, related_name="class_changes")
    version = models.PositiveIntegerField()  # from 1 on
    kind = models.CharField(max_length=6, choices=Kind.choices)
    before = models.JSONField()  # class names
    after = models.JSONField()  # class names
    note = models.CharField(max_length=300, blank=True)
    by = models.CharField(max_length=150, blank=True)
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["version"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "version"], name="one_class_change_per_version")
        ]

    def __str__(self) -> str:
        return f"{', '.join(self.before)} became {', '.join(self.after)}"


class ClassGuide(models.Model):
    """What annotators are told of one class: words and example pictures."""

    dataset = models.ForeignKey("labeling.Dataset", models.CASCADE, related_name="guides")
    name = models.CharField(max_length=100)  # the class
    text = models.TextField(blank=True)
    examples = models.ManyToManyField("labeling.Sample", related_name="+")
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "name"], name="one_guide_per_class")]

    def __str__(self) -> str:
        return self.name
