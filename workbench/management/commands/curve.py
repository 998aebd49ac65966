"""`manage.py curve DATASET`: accuracy against the number of labels, with a forecast."""

from argparse import ArgumentParser

from workbench.management.starting import StartingCommand
from workbench.services import work


class Command(StartingCommand):
    help = "Train the plain recipe on growing subsets and forecast what more labels would bring."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--preset", choices=["quick", "standard", "thorough"], default="standard")
        parser.add_argument("--seed", type=int, help="default: a fresh one, which is recorded")

    def handle(self, *, dataset: str, preset: str, seed: int | None, here: bool, **_: object) -> None:
        self.see_through(work.start_curve(self.dataset(dataset), preset=preset, seed=seed), here)
