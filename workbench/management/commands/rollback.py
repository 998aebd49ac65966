"""`manage.py rollback DATASET`: make the model version before the current one current again."""

from argparse import ArgumentParser

from django.core.management.base import CommandError
from django.utils import timezone

from trainer.services import registry
from trainer.services.registry import NotPromotable
from workbench.management.versions import VersionCommand


class Command(VersionCommand):
    help = "Make the model version before the current one current again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dataset", help="the dataset's name")
        parser.add_argument("--reason", default="", help="stands in the history")

    def handle(self, *, dataset: str, reason: str, **_: object) -> None:
        try:
            done = registry.roll_back(self.dataset(dataset), self.BY, timezone.now(), reason)
        except NotPromotable as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"Version {done.version.number} of {dataset} is the current one again.")
