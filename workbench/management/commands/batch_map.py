"""`manage.py batch_map DATASET`: batch sizes against epochs, at equal samples."""

from argparse import ArgumentParser

from trainer.models import Study
from trainer.services.studies import Options
from workbench.management.starting import StartingCommand, add_recipe, recipe_of
from workbench.services import work


class Command(StartingCommand):
    help = (
        "Train a recipe at several batch sizes and numbers of epochs, measured on held-out training pictures."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_recipe(parser)
        parser.add_argument("--batches", type=int, nargs="+", default=list(Options.batches))
        parser.add_argument("--epochs", type=float, nargs="+", default=list(Options.epochs))

    def handle(
        self,
        *,
        dataset: str,
        recipe: str,
        seed: int | None,
        batches: list[int],
        epochs: list[float],
        here: bool,
        **_: object,
    ) -> None:
        chosen = recipe_of(recipe)
        with self.sentences():
            options = Options(batches=tuple(batches), epochs=tuple(epochs))
            job = work.start_study(
                self.dataset(dataset), Study.Kind.BATCH_MAP, chosen, options=options, seed=seed
            )
        self.see_through(job, here)
        cells = Study.objects.get(pk=job.params["study_id"]).result["cells"]
        for cell in cells:
            found = cell["accuracy"]
            said = (
                "diverged"
                if found is None
                else f"{found['value']:.1%} ({found['low']:.1%} to {found['high']:.1%})"
            )
            self.stdout.write(f"batch {cell['batch']:>5}, {cell['epochs']:g} epochs: {said}, n = {cell['n']}")
