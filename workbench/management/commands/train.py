"""`manage.py train DATASET`: train a recipe on the labels as they stand."""

import json
from argparse import ArgumentParser
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

    def handle(self, *, dataset: str, recipe: str, seed: int | None, here: bool, **_: object) -> None:
        chosen = recipe if recipe in NAMED else read_recipe(Path(recipe))
        self.see_through(work.start_training(self.dataset(dataset), chosen, seed=seed), here)


def read_recipe(file: Path) -> Recipe:
    """Read a recipe that a run left in its folder."""
    try:
        return Recipe.from_json(json.loads(file.read_text()))
    except (OSError, ValueError) as problem:
        raise CommandError(
            f"{file} is neither a named recipe ({', '.join(NAMED)}) nor a recipe.json: {problem}"
        ) from None
