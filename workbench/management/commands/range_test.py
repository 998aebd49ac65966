"""`manage.py range_test DATASET`: which learning rates a recipe can take."""

from argparse import ArgumentParser
from pathlib import Path

from trainer.engine.recipe import NAMED
from trainer.models import Study
from trainer.services.studies import Options
from workbench.management.commands.train import read_recipe
from workbench.management.starting import StartingCommand
from workbench.services import work


class Command(StartingCommand):
    help = "Raise the learning rate through one short training and choose one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--recipe", default="plain", help=f"{', '.join(NAMED)}, or a recipe.json")
        parser.add_argument("--seed", type=int, help="default: a fresh one, which is recorded")
        parser.add_argument("--steps", type=int, default=Options.steps, help=f"default: {Options.steps}")

    def handle(
        self, *, dataset: str, recipe: str, seed: int | None, steps: int, here: bool, **_: object
    ) -> None:
        chosen = NAMED[recipe] if recipe in NAMED else read_recipe(Path(recipe))
        with self.sentences():
            options = Options(steps=steps)
            job = work.start_study(
                self.dataset(dataset), Study.Kind.RANGE_TEST, chosen, options=options, seed=seed
            )
        self.see_through(job, here)
        found = Study.objects.get(pk=job.params["study_id"]).result["chosen"]
        self.stdout.write(
            "The loss never fell: nothing is chosen." if found is None else f"chosen: {found:.3g}"
        )
