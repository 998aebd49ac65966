"""`manage.py sync_labels DATASET`: fetch what people annotated in Label Studio, now."""

from workbench.management.starting import StartingCommand
from workbench.services import work


class Command(StartingCommand):
    help = "Fetch a dataset's annotations from Label Studio (the running product does so by itself)."

    def handle(self, *, dataset: str, here: bool, **_: object) -> None:
        self.see_through(work.start_sync(self.dataset(dataset)), here)
