"""`manage.py demo`: start everything and walk once through the whole loop, on real pictures."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from labeling.services.connection import connection
from workbench.management import household, source, summary
from workbench.management.screen import Screen
from workbench.management.story import CannotTell, Story
from workbench.services import accounts
from workbench.supervisor import AlreadyUp, State, Supervisor


class Command(BaseCommand):
    help = "Start the product and run the whole loop once; stays up until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--exit", action="store_true", help="stop everything at the end")
        parser.add_argument("--report", type=Path, metavar="FILE", help="write what was found as JSON")
        parser.add_argument(
            "--images",
            type=Path,
            metavar="DIR",
            help="your own pictures: class folders, or flat with labels.csv",
        )

    def handle(self, *, exit: bool, report: Path | None, images: Path | None, **_: object) -> None:
        self.stay, self.report, self.code = not exit, report, 0
        try:
            self.given = source.own(images.resolve()) if images else source.digits(settings.STATE_DIR)
            house = household.assemble(label_studio=True)
            call_command("migrate", verbosity=0)
            self.sign_in = accounts.ensure_admin(settings.STATE_DIR)
            self.supervisor = Supervisor(
                house.children, settings.STATE_DIR, say=self.stdout.write, missing=house.missing
            )
            code = self.supervisor.run(self.tell, stay=self.stay)
        except (household.PortTaken, AlreadyUp, CannotTell) as problem:
            raise CommandError(str(problem)) from None
        sys.exit(code or self.code)

    def tell(self) -> None:
        """Run the story beside the children; what stops it is said, and the pages stay up."""
        screen = Screen()
        if self.supervisor.wait("web", 60).state is State.READY:
            screen.console.print(f"Seedbed answers at {household.WEB_URL}", highlight=False)
        try:
            story = Story(self.given, screen, self.supervisor)
            story.run()
            self.sum_up(story, screen)
        except CannotTell as problem:
            self.stderr.write(f"The demo stopped: {problem}")
            self.code = 1
        self.say_where()

    def sum_up(self, story: Story, screen: Screen) -> None:
        found = summary.report(story.dataset, screen.seconds)
        if self.report:
            self.report.write_text(json.dumps(found, indent=2) + "\n")
        summary.show(found, screen.console)

    def say_where(self) -> None:
        if not self.stay or self.supervisor.stopping.is_set():
            return
        self.stdout.write(f"Seedbed        {household.WEB_URL}")
        if self.sign_in is not None:
            self.stdout.write(
                f"               user {self.sign_in.username}, password {self.sign_in.password}"
            )
        link = connection()
        if link is not None:
            self.stdout.write(f"Label Studio   {link.public_url}/")
            self.stdout.write("               (Open in Label Studio, on Seedbed's pages, signs you in)")
        self.stdout.write("Ctrl-C stops everything.")
