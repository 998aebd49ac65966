"""`manage.py pretrain DATASET`: learn features from the pictures alone."""

from argparse import ArgumentParser
from typing import Any

from trainer.engine.pretraining import Plan
from workbench.management.starting import StartingCommand
from workbench.services import work

CHOICES = ("width", "resolution", "epochs", "batch")


class Command(StartingCommand):
    help = "Learn features from all pictures outside the test split; a training may start from them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--network", default=Plan.network, help=f"default: {Plan.network}")
        for name in CHOICES:
            standard = getattr(Plan, name)
            parser.add_argument(f"--{name}", type=int, default=standard, help=f"default: {standard}")
        parser.add_argument("--seed", type=int, help="default: a fresh one, which is recorded")

    def handle(self, *, dataset: str, network: str, seed: int | None, here: bool, **wanted: Any) -> None:
        with self.sentences():
            plan = Plan(network=network, **{name: wanted[name] for name in CHOICES})
            job = work.start_pretraining(self.dataset(dataset), plan, seed=seed)
        self.see_through(job, here)
