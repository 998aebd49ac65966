"""`manage.py rerank DATASET`: put what is open in Label Studio in the order of the current model."""

from workbench.management.starting import StartingCommand
from workbench.services import ordering


class Command(StartingCommand):
    help = "Order the open queues by the current model version (the running product does so by itself)."

    def handle(self, *, dataset: str, here: bool, **_: object) -> None:
        with self.sentences():
            jobs = ordering.start_reranks(self.dataset(dataset))
        for job in jobs:
            self.see_through(job, here)
