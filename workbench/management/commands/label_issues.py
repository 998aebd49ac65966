"""`manage.py label_issues DATASET`: search the labels for errors."""

from workbench.management.starting import StartingCommand
from workbench.services import reviewing


class Command(StartingCommand):
    help = "Find labels that are likely wrong, by the newest out-of-fold predictions."

    def handle(self, *, dataset: str, here: bool, **_: object) -> None:
        found = self.dataset(dataset)
        with self.sentences():
            job = reviewing.start_search(found)
        self.see_through(job, here)
