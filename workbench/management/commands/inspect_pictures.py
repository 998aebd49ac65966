"""`manage.py inspect_pictures DATASET`: find blank, dark, bright, blurred and odd pictures, and leaks."""

from workbench.management.starting import StartingCommand
from workbench.services import inspecting


class Command(StartingCommand):
    help = "Find pictures that are worth a look: blank, dark, bright, blurred, odd, or near a test picture."

    def handle(self, *, dataset: str, here: bool, **_: object) -> None:
        self.see_through(inspecting.start_inspection(self.dataset(dataset)), here)
