"""`manage.py train DATASET`: train a recipe on the labels as they stand."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path

from django.core.management.base import CommandError

from trainer.engine.recipe import NAMED, Recipe
from workbench.management.starting import StartingCommand
from workbench.services import work


class Command(StartingCommand):
    help = "Train a recipe on a dataset's labels and test it on its frozen test split."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--recipe", default="plain", help=f"{', '.join(NAMED)}, or a recipe.json of an earlier run"
        )
        parser.add_argument("--seed", type=int, help="default: a fresh one, which is recorded")
        parser.add_argument(
            "--seeds",
            type=at_least_one,
            default=1,
            help="train so many times, with fresh seeds or from --seed up: shows the luck of training",
        )

    def handle(
        self, *, dataset: str, recipe: str, seed: int | None, seeds: int, here: bool, **_: object
    ) -> None:
        chosen = recipe if recipe in NAMED else read_recipe(Path(recipe))
        for job in work.start_trainings(self.dataset(dataset), chosen, count=seeds, seed=seed):
            self.see_through(job, here)


def at_least_one(text: str) -> int:
    """Read a count; argparse turns the error into a sentence."""
    if int(text) < 1:
        raise ArgumentTypeError("must be at least 1")
    return int(text)


def read_recipe(file: Path) -> Recipe:
    """Read a recipe that a run left in its folder."""
    try:
        return Recipe.from_json(json.loads(file.read_text()))
    except (OSError, ValueError) as problem:
        raise CommandError(
            f"{file} is neither a named recipe ({', '.join(NAMED)}) nor a recipe.json: {problem}"
        ) from None
