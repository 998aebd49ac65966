"""`manage.py curve DATASET`: accuracy against the number of labels, with a forecast."""

from argparse import ArgumentParser
from typing import Any

from trainer.curves import text
from trainer.engine.recipe import NAMED
from trainer.models import Curve
from trainer.services import outlooks
from trainer.services.curves import HEADS, PRESETS, Design
from workbench.management.starting import StartingCommand, add_recipe, recipe_of
from workbench.services import planning, work
from workbench.services.planning import Plan, Wish


class Command(StartingCommand):
    help = "Train a recipe on growing subsets and forecast what more labels would bring."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_recipe(parser)
        parser.add_argument("--preset", choices=PRESETS, default="standard")
        parser.add_argument("--trainings", type=int, default=0, help="of an adaptive curve, in all")
        parser.add_argument(
            "--aim", type=int, default=0, help="labels at which an adaptive curve's band shall be narrow"
        )
        parser.add_argument(
            "--heads",
            nargs="*",
            choices=HEADS,
            default=list(work.TIERS),
            help="drawn beside the recipe's curve",
        )
        parser.add_argument(
            "--random-only", action="store_true", help="leave out the labels that a model asked for"
        )
        parser.add_argument(
            "--afresh", action="store_true", help="shuffle all labels anew, continue no earlier curve"
        )
        parser.add_argument("--metric", choices=outlooks.METRICS, default="accuracy")
        parser.add_argument("--target", type=float, help="a score in (0, 1): say how many labels it takes")

    def handle(self, *, dataset: str, here: bool, **options: Any) -> None:
        with self.sentences():
            wish = Wish(options["target"]) if options["target"] is not None else None
            job = work.start_curve(
                self.dataset(dataset),
                design=Design(
                    options["preset"], options["trainings"], options["aim"], options["random_only"]
                ),
                recipe=options["recipe"] if options["recipe"] in NAMED else recipe_of(options["recipe"]),
                tiers=options["heads"],
                seed=options["seed"],
                afresh=options["afresh"],
            )
        self.see_through(job, here)
        curve = Curve.objects.get(pk=job.params["curve_id"])
        for one in (*curve.tiers.order_by("pk"), curve):
            self.stdout.write(f"{one.get_tier_display()}: {one.name}")
            self.stdout.write(text.draw(outlooks.outlook_of(one, options["metric"]), options["target"]))
        if wish:
            self._advise(planning.plan(curve, wish, options["metric"]))

    def _advise(self, plan: Plan) -> None:
        """Print what the target takes, and the mix of classes that helps most."""
        for sentence in (plan.need.sentence, *plan.need.cautions, plan.need.advice, plan.refused):
            if sentence:
                self.stdout.write(sentence)
        for row in plan.rows if plan.purchase else ():
            self.stdout.write(f"{row.targeted:>7,} of {row.name} (as it comes {row.as_it_comes:,})")
