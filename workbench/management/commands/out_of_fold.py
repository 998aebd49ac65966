"""`manage.py out_of_fold RUN`: judge each labeled training picture by a model that never saw it."""

from argparse import ArgumentParser

from django.core.management.base import CommandError

from trainer.engine.folds import NoFolds
from trainer.models import Run
from workbench.management.starting import StartingCommand
from workbench.services import work


class Command(StartingCommand):
    help = "Train a finished run's recipe on the folds of its data and keep what each model says of its fold."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", type=int, help="the run's number")
        parser.add_argument("--here", action="store_true", help="run it in this terminal, without a worker")

    def handle(self, *, run: int, here: bool, **_: object) -> None:
        row = Run.objects.filter(pk=run).first()
        if row is None:
            raise CommandError(f"There is no run {run}.")
        try:
            job = work.start_out_of_fold(row)
        except NoFolds as problem:
            raise CommandError(str(problem)) from None
        self.see_through(job, here)
