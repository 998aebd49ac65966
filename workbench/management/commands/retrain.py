"""`manage.py retrain DATASET`: train the recipe of the dataset's rule now, or show the rule."""

from argparse import ArgumentParser

from django.core.management.base import CommandError
from django.utils import timezone

from labeling.models import Dataset
from workbench.management.starting import StartingCommand
from workbench.models import RetrainDecision
from workbench.retraining import decision
from workbench.services import retrain_facts, retraining
from workbench.services.retrain_facts import rule_of, terms

SHOWN = 10  # decisions


class Command(StartingCommand):
    help = "Train the recipe of a dataset's retrain rule now, once for each seed that the rule asks for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--show", action="store_true", help="start nothing: say what is due, and why")

    def handle(self, *, dataset: str, here: bool, show: bool, **_: object) -> None:
        row = self.dataset(dataset)
        if show:
            return self.tell(row)
        try:
            made = retraining.retrain_now(row, by="", now=timezone.now())
        except retraining.CannotRetrain as reason:
            raise CommandError(str(reason)) from None
        for job in made.jobs:
            self.see_through(job, here)

    def tell(self, row: Dataset) -> None:
        """Print whether the rule is on, what it would do now, and its last decisions."""
        rule, now = rule_of(row), timezone.now()
        made = decision.decide(terms(rule), retrain_facts.gather(rule, now), now)
        ahead = decision.outlook(terms(rule), retrain_facts.gather(rule, now))
        self.stdout.write(f"The rule of {row} is {'on' if rule.enabled else 'off'}. {made.reason}")
        if ahead.labels:
            self.stdout.write(f"Due after {ahead.labels:,} more labels.")
        if ahead.at:
            self.stdout.write(f"Due on {decision.moment(ahead.at, retrain_facts.zone())}.")
        for kept in RetrainDecision.objects.filter(dataset=row)[:SHOWN]:
            runs = (
                ", ".join(f"run {pk}" for pk in kept.runs.values_list("pk", flat=True)) or "nothing started"
            )
            self.stdout.write(f"{decision.moment(kept.at, retrain_facts.zone())}  {runs}: {kept.reason}")
