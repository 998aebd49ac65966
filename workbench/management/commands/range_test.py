"""`manage.py range_test DATASET`: which learning rates a recipe can take."""

from argparse import ArgumentParser

from trainer.models import Study
from trainer.services.studies import Options
from workbench.management.starting import StartingCommand, add_recipe, recipe_of
from workbench.services import work


class Command(StartingCommand):
    help = "Raise the learning rate through one short training and choose one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_recipe(parser)
        parser.add_argument("--steps", type=int, default=Options.steps, help=f"default: {Options.steps}")

    def handle(
        self, *, dataset: str, recipe: str, seed: int | None, steps: int, here: bool, **_: object
    ) -> None:
        chosen = recipe_of(recipe)
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
