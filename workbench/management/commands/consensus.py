"""`manage.py consensus DATASET`: settle the labels of samples that several people judged."""

from argparse import ArgumentParser

from labeling.services import consensus
from workbench.management.starting import StartingCommand
from workbench.services import settling


class Command(StartingCommand):
    help = "Weigh the opinions of samples that several people judged, and settle their labels."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--method",
            choices=consensus.METHODS,
            default=consensus.BEST,
            help="best (the default): CROWDLAB where out-of-fold predictions exist, else the majority",
        )

    def handle(self, *, dataset: str, method: str, here: bool, **_: object) -> None:
        self.see_through(settling.start_consensus(self.dataset(dataset), method), here)
