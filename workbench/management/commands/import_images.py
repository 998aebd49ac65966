"""`manage.py import_images NAME FOLDER`: take a folder of pictures into a dataset."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import CommandError
from django.utils import timezone

from labeling.models import Dataset
from workbench.management.starting import StartingCommand
from workbench.services import work


class Command(StartingCommand):
    help = "Import a folder: one subfolder a class, or flat with a CSV of `file,label`, or without labels."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("folder", type=Path)
        parser.add_argument("--labels", type=Path, help="a CSV with the header file,label")
        parser.add_argument("--classes", default="", help="for pictures without labels: good,scratch,dent")
        parser.add_argument(
            "--keep-labels",
            choices=["all", "test"],
            default="all",
            help="test: only the frozen test split keeps the labels that came along; people give the others",
        )

    def handle(
        self,
        *,
        dataset: str,
        folder: Path,
        labels: Path | None,
        classes: str,
        keep_labels: str,
        here: bool,
        **_: object,
    ) -> None:
        if not folder.is_dir():
            raise CommandError(f"{folder} is not a folder.")
        if not 3 <= len(dataset) <= 50:
            raise CommandError(f"A dataset's name has 3 to 50 characters, got {len(dataset)}: {dataset!r}.")
        row, _created = Dataset.objects.get_or_create(name=dataset, defaults={"created_at": timezone.now()})
        with self.sentences():
            job = work.start_import(
                row,
                folder.resolve(),
                labels_csv=labels,
                keep_labels=keep_labels,
                classes=[name.strip() for name in classes.split(",") if name.strip()],
            )
        self.see_through(job, here)
