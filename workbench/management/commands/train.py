"""`manage.py train DATASET`: train a recipe on the labels as they stand."""

from argparse import ArgumentParser, ArgumentTypeError

from trainer.engine.recipe import NAMED
from workbench.management.starting import StartingCommand, add_recipe, recipe_of
from workbench.services import work


class Command(StartingCommand):
    help = "Train a recipe on a dataset's labels and test it on its frozen test split."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_recipe(parser)
        parser.add_argument(
            "--seeds",
            type=at_least_one,
            default=1,
            help="train so many times, with fresh seeds or from --seed up: shows the luck of training",
        )

    def handle(
        self, *, dataset: str, recipe: str, seed: int | None, seeds: int, here: bool, **_: object
    ) -> None:
        chosen = recipe if recipe in NAMED else recipe_of(recipe)
        for job in work.start_trainings(self.dataset(dataset), chosen, count=seeds, seed=seed):
            self.see_through(job, here)


def at_least_one(text: str) -> int:
    """Read a count; argparse turns the error into a sentence."""
    if int(text) < 1:
        raise ArgumentTypeError("must be at least 1")
    return int(text)
