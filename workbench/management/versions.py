"""What the commands about model versions share: finding one by its number."""

from django.core.management.base import CommandError

from labeling.models import Dataset
from trainer.models import ModelVersion
from workbench.management.starting import StartingCommand


class VersionCommand(StartingCommand):
    BY = "manage.py"  # who promoted, in the history

    def version(self, dataset: Dataset, number: int) -> ModelVersion:
        found = dataset.versions.select_related("run", "dataset").filter(number=number).first()
        if found is None:
            raise CommandError(f"{dataset} has no model version {number}; there are: {self.known(dataset)}.")
        return found

    def known(self, dataset: Dataset) -> str:
        numbers = dataset.versions.order_by("number").values_list("number", flat=True)
        return ", ".join(map(str, numbers)) or "none yet"
