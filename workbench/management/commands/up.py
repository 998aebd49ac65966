"""`manage.py up`: the whole product on this machine, until Ctrl-C."""

import sys

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from workbench.management import household
from workbench.services import accounts
from workbench.supervisor import AlreadyUp, State, Supervisor


class Command(BaseCommand):
    help = "Starts web, workers, tick and Label Studio, and keeps them up until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-label-studio", action="store_true", help="leave Label Studio out")

    def handle(self, *, no_label_studio: bool, **options: object) -> None:
        try:
            house = household.assemble(label_studio=not no_label_studio)
            call_command("migrate", verbosity=0)
            self.sign_in = accounts.ensure_admin(settings.STATE_DIR)
            self.supervisor = Supervisor(
                house.children, settings.STATE_DIR, say=self.stdout.write, missing=house.missing
            )
            code = self.supervisor.run(self.welcome)
        except (household.PortTaken, AlreadyUp) as problem:
            raise CommandError(str(problem)) from None
        sys.exit(code)

    def welcome(self) -> None:
        """Say where the pages are, as soon as they are there."""
        if self.supervisor.wait("web", 60).state is not State.READY:
            return
        self.stdout.write(f"Seedbed is up: {household.WEB_URL}   (Ctrl-C stops it)")
        if self.sign_in is not None:
            self.stdout.write(f"  sign in as {self.sign_in.username}, password {self.sign_in.password}")
        self._tell_label_studio()

    def _tell_label_studio(self) -> None:
        if settings.LABEL_STUDIO_URL:
            self.stdout.write(f"  Label Studio: {settings.LABEL_STUDIO_URL}, as set by LABEL_STUDIO_URL")
            return
        if household.LABEL_STUDIO not in self.supervisor.standings:
            return
        self.stdout.write("  Label Studio is starting; its first start takes 1 to 2 minutes")
        standing = self.supervisor.wait(household.LABEL_STUDIO, 600)
        if standing.state is State.READY:
            self.stdout.write(f"  Label Studio: http://{household.HOST}:{settings.LABEL_STUDIO_PORT}/")
        elif standing.state is State.FAILED:
            self.stdout.write(f"  Seedbed goes on without Label Studio: {standing.reason}")
