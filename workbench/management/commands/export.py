"""`manage.py export DATASET [VERSION]`: write a model version as ONNX, and its files where you want them."""

import shutil
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import CommandError

from labeling.models import Dataset
from trainer.engine.model_files import BrokenModel
from trainer.models import ModelVersion
from trainer.services import cards, registry
from workbench.management.versions import VersionCommand
from workbench.services import versions


class Command(VersionCommand):
    help = "Write a model version as ONNX, checked against torch; --to copies weights, ONNX and card."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("version", type=int, nargs="?", help="its number; default: the current one")
        parser.add_argument("--to", type=Path, help="a folder for model.safetensors, model.onnx and card.md")

    def handle(self, *, dataset: str, version: int | None, to: Path | None, here: bool, **_: object) -> None:
        chosen = self._chosen(self.dataset(dataset), version)
        self.see_through(versions.start_export(chosen), here)
        chosen.refresh_from_db()
        try:
            files = [registry.weights_file(chosen), registry.onnx_file(chosen)]
        except BrokenModel as broken:
            raise CommandError(str(broken)) from None
        if to is not None:
            to.mkdir(parents=True, exist_ok=True)
            files = [
                Path(shutil.copy(file, to / f"{cards.file_name(chosen)}{file.suffix}")) for file in files
            ]
            files.append(to / f"{cards.file_name(chosen)}-card.md")
            files[-1].write_text(cards.write(chosen))
        self.stdout.write("\n".join(map(str, files)))

    def _chosen(self, dataset: Dataset, number: int | None) -> ModelVersion:
        if number is not None:
            return self.version(dataset, number)
        standing = registry.current(dataset)
        if standing is None:
            raise CommandError(f"{dataset} has no current model version; name one: {self.known(dataset)}.")
        return standing
