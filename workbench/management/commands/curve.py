"""`manage.py curve DATASET`: accuracy against the number of labels, with a forecast."""

from argparse import ArgumentParser

from trainer.curves import text
from trainer.models import Curve
from trainer.services import outlooks
from workbench.management.starting import StartingCommand
from workbench.services import work


class Command(StartingCommand):
    help = "Train the plain recipe on growing subsets and forecast what more labels would bring."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--preset", choices=["quick", "standard", "thorough"], default="standard")
        parser.add_argument("--seed", type=int, help="default: a fresh one, which is recorded")

    def handle(self, *, dataset: str, preset: str, seed: int | None, here: bool, **_: object) -> None:
        with self.sentences():
            job = work.start_curve(self.dataset(dataset), design=preset, seed=seed)
        self.see_through(job, here)
        curve = Curve.objects.get(pk=job.params["curve_id"])
        self.stdout.write(text.draw(outlooks.outlook_of(curve, "accuracy")))
