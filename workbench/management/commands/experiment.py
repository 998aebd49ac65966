"""`manage.py experiment NAME --data FOLDER`: measures what we claim of real data."""

import os
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

NAMES = ("trashnet",)


class Command(BaseCommand):
    help = "Trains and measures on a real data set; finished parts are kept, so it can be stopped and go on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", choices=NAMES)
        parser.add_argument(
            "--data", type=Path, required=True, help="the folder with images.zip and labels.csv"
        )
        parser.add_argument("--cells", type=Path, required=True, help="where finished parts are kept")
        parser.add_argument("--seeds", type=int, default=3)
        parser.add_argument("--precision", choices=["auto", "fp32", "bf16"], default="auto")

    def handle(self, *, data: Path, cells: Path, seeds: int, precision: str, **_: object) -> None:
        if not (data / "images.zip").is_file():
            raise CommandError(f"There is no {data / 'images.zip'}.")
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        from trainer.engine import device
        from workbench.experiments import trashnet

        chosen = device.pick(precision, memory=cells / "device.json")
        world = trashnet.look(data, cells, chosen)
        done: list[trashnet.Cell] = []
        for cell in trashnet.run(world, seeds, self.stdout.write):
            done.append(cell)
            self.stdout.write(list(trashnet.table(world, done))[-1])
