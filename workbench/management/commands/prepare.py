"""`manage.py prepare`: what a new installation needs before its processes start: tables, an account."""

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from workbench.services import accounts


class Command(BaseCommand):
    help = "Migrate the database and make the first administrator; safe to repeat."

    def handle(self, **_: object) -> None:
        call_command("migrate", interactive=False, verbosity=1)
        first = accounts.ensure_admin(settings.STATE_DIR)
        if first is not None:
            self.stdout.write(f"Sign in as {first.username}, password {first.password}; then change it.")
