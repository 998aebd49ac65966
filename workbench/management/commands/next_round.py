"""`manage.py next_round DATASET`: choose the next samples to label and send them to Label Studio."""

from argparse import ArgumentParser

from labeling.models import SelectionRound
from workbench.management.starting import StartingCommand
from workbench.services import work


class Command(StartingCommand):
    help = "Choose samples by margin (or at random) and put them into the annotators' queue."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--count", type=int, default=50)
        known = [name for name in SelectionRound.Strategy.values if name != SelectionRound.Strategy.REVIEW]
        parser.add_argument("--strategy", choices=known, default="margin")
        parser.add_argument(
            "--overlap", type=int, default=1, choices=range(1, 6), help="annotations per sample"
        )

    def handle(
        self, *, dataset: str, count: int, strategy: str, overlap: int, here: bool, **_: object
    ) -> None:
        found = self.dataset(dataset)
        with self.sentences():
            job = work.start_next_round(found, count=count, strategy=strategy, overlap=overlap)
        self.see_through(job, here)
