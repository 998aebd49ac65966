"""`manage.py promote DATASET VERSION`: make a model version the current one."""

from argparse import ArgumentParser

from django.core.management.base import CommandError
from django.utils import timezone

from trainer.services import registry
from trainer.services.registry import NotPromotable
from workbench.management.versions import VersionCommand


class Command(VersionCommand):
    help = "Make a model version the current one, by hand; the history keeps the reason."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dataset", help="the dataset's name")
        parser.add_argument("version", type=int, help="its number")
        parser.add_argument("--reason", default="", help="stands in the history")

    def handle(self, *, dataset: str, version: int, reason: str, **_: object) -> None:
        chosen = self.version(self.dataset(dataset), version)
        try:
            registry.promote(chosen, self.BY, reason, timezone.now())
        except NotPromotable as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"Version {version} of {dataset} is the current one now.")
