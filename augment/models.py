"""What we could make of the pictures: previews of changed ones."""

from django.db import models

from labeling.models import Dataset


class Preview(models.Model):
    """A contact sheet of one policy on one dataset: originals left, changed copies right of them."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="previews")
    policy = models.CharField(max_length=50)
    spec = models.JSONField()  # the policy, written out: enough to make the sheet again
    versions = models.JSONField()  # of the libraries that drew it
    seed = models.PositiveBigIntegerField()
    sample_keys = models.JSONField()  # one a row of the sheet
    copies = models.PositiveSmallIntegerField()
    path = models.CharField(max_length=200)  # PNG below the state folder
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]
