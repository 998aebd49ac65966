"""What a person sees and decides."""

from django.db import models

from labeling.models import Dataset


class Advice(models.Model):
    """One suggestion of one adviser, with what it promised."""

    class State(models.TextChoices):
        OPEN = "open"
        TAKEN = "taken"
        DISMISSED = "dismissed"
        OUTDATED = "outdated"  # a later look at the data took its place

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="advice")
    adviser = models.CharField(max_length=30)
    action = models.CharField(max_length=200)  # a sentence that begins with a verb
    because = models.TextField()
    gain = models.FloatField(null=True)  # accuracy, as a fraction; null where no number was measured
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    level = models.FloatField(null=True)  # of the interval, e.g. 0.9
    n = models.PositiveIntegerField(null=True)  # what the interval rests on
    shown = models.BooleanField(default=True)  # False: "not shown", the interval holds zero
    labels = models.PositiveIntegerField(null=True)  # labels that it asks for, of pictures that are there
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
