"""`manage.py embed DATASET SOURCE`: give every picture a vector."""

from argparse import ArgumentParser

from django.core.management.base import CommandError

from trainer.services.pretraining import NoFeatures
from workbench.management.starting import StartingCommand
from workbench.services import work


class Command(StartingCommand):
    help = "Give every picture a vector; only pictures that the source has not seen yet are computed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "source",
            help="pixels, pretraining:NUMBER, run:NUMBER, or timm:NAME (with :FILE for weights in a file)",
        )

    def handle(self, *, dataset: str, source: str, here: bool, **_: object) -> None:
        try:
            job = work.start_embedding(self.dataset(dataset), source)
        except NoFeatures as reason:
            raise CommandError(str(reason)) from None
        self.see_through(job, here)
