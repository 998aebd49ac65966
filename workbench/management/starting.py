"""What the commands that start a job share: enqueue, then follow the row, or run it here."""

import json
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from labeling.models import Dataset
from labeling.services.candidates import NotReady
from labeling.services.choice import NothingToLabel
from trainer.engine.recipe import NAMED, Recipe
from trainer.services.curves import NoCurve
from trainer.services.studies import NoStudy
from workbench.ledger.models import Job
from workbench.ledger.runner import run_job
from workbench.management.follow import JobFailed, follow
from workbench.services.ordering import NothingToOrder
from workbench.services.reviewing import NoPredictions
from workbench.services.work import AlreadyImporting


class StartingCommand(BaseCommand):
    """A command of the form `NAME DATASET [options] [--here]`."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dataset", help="the dataset's name")
        parser.add_argument("--here", action="store_true", help="run it in this terminal, without a worker")

    def dataset(self, name: str) -> Dataset:
        found = Dataset.objects.filter(name=name).first()
        if found is None:
            known = ", ".join(Dataset.objects.values_list("name", flat=True)) or "none yet"
            raise CommandError(f"There is no dataset {name!r}; there are: {known}.")
        return found

    @contextmanager
    def sentences(self) -> Iterator[None]:
        """Let what cannot be started end in its sentence instead of a traceback."""
        try:
            yield
        except (
            *(NothingToLabel, NotReady, NoCurve, NoStudy, NoPredictions),
            *(AlreadyImporting, NothingToOrder, ValueError),
        ) as problem:
            raise CommandError(str(problem)) from None

    def see_through(self, job: Job, here: bool) -> Job:
        """Wait for the job's end and print its result."""
        if here:
            run_job(job.pk, "here")
        try:
            follow(job, self.show, threading.Event())
        except JobFailed as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"{job.title}: done. {job.result or ''}".strip())
        return job

    def show(self, job: Job) -> None:
        stage = job.progress.get("stage", job.state)
        of = f" of {job.progress['total']}" if job.progress.get("total") else ""
        line = f"{stage}: {job.progress.get('done', 0)}{of}"
        if line != getattr(self, "_last", None):
            self._last = line
            self.stdout.write(line)


def add_recipe(parser: ArgumentParser) -> None:
    """Let a command take a recipe and a seed."""
    parser.add_argument(
        "--recipe", default="plain", help=f"{', '.join(NAMED)}, or a recipe.json of an earlier run"
    )
    parser.add_argument("--seed", type=int, help="default: a fresh one, which is recorded")


def recipe_of(name: str) -> Recipe:
    """Return the named recipe, or the one in a file that a run left in its folder."""
    if name in NAMED:
        return NAMED[name]
    try:
        return Recipe.from_json(json.loads(Path(name).read_text()))
    except (OSError, ValueError) as problem:
        raise CommandError(
            f"{name} is neither a named recipe ({', '.join(NAMED)}) nor a recipe.json: {problem}"
        ) from None
