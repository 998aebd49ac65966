"""`manage.py next_round DATASET`: choose the next samples to label and send them to Label Studio."""

from argparse import ArgumentParser

from labeling.strategies.book import NAMES
from labeling.strategies.reasons import SAYS
from workbench.management.starting import StartingCommand
from workbench.services import work


class Command(StartingCommand):
    help = "Choose samples by a strategy and put them into the annotators' queue."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--count", type=int, default=50)
        parser.add_argument(
            "--strategy",
            choices=NAMES,
            help="default: the usual one for what is known so far. "
            + " ".join(f"{name}: {says}" for name, says in SAYS.items()).replace("%", "%%"),
        )
        parser.add_argument(
            "--random-share", type=float, default=0.2, help="drawn at random among them, at least 0.15"
        )
        parser.add_argument(
            "--overlap", type=int, default=1, choices=range(1, 6), help="annotations per sample"
        )

    def handle(
        self,
        *,
        dataset: str,
        count: int,
        strategy: str | None,
        random_share: float,
        overlap: int,
        here: bool,
        **_: object,
    ) -> None:
        found = self.dataset(dataset)
        with self.sentences():
            job = work.start_next_round(
                found, count=count, strategy=strategy, random_share=random_share, overlap=overlap
            )
        self.see_through(job, here)
