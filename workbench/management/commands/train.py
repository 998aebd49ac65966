"""`manage.py train DATASET`: train a recipe on the labels as they stand."""

from argparse import ArgumentParser

from trainer.engine.recipe import NAMED
from workbench.management.starting import StartingCommand
from workbench.services import work


class Command(StartingCommand):
    help = "Train a recipe on a dataset's labels and test it on its frozen test split."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--recipe", choices=sorted(NAMED), default="plain")
        parser.add_argument("--seed", type=int, help="default: a fresh one, which is recorded")

    def handle(self, *, dataset: str, recipe: str, seed: int | None, here: bool, **_: object) -> None:
        self.see_through(work.start_training(self.dataset(dataset), recipe, seed=seed), here)
