"""How pictures come in: file by file, each taken, known or listed with the reason why not."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from django.conf import settings
from django.db import transaction

from labeling import duplicates, folders, images
from labeling import labels as sheets
from labeling.folders import Refusal
from labeling.label_studio import config
from labeling.labels import Conflict, Labels
from labeling.labels import read_labels as read_labels
from labeling.models import Dataset, ImportReport, Sample
from labeling.progress import Progress, Report, silent
from labeling.services import conflicts, placing

LOT = 200  # pictures per transaction and progress report
MAX_NAME = 500  # letters, as the database keeps them


@dataclass
class _Intake:
    """What one import has met so far."""

    dataset: Dataset
    now: datetime
    stored: dict[str, str]  # content key -> file, for all samples of the dataset
    keys: dict[str, str] = field(default_factory=dict)  # name in this folder -> content key
    names: dict[str, str] = field(default_factory=dict)  # content key -> its first name in this folder
    taken: int = 0
    known: int = 0
    refused: list[Refusal] = field(default_factory=list)
    noted: list[Refusal] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)


def import_images(
    dataset: Dataset,
    folder: Path,
    *,
    labels: Mapping[str, str] | None = None,
    test_share: float = 0.2,
    keep_labels: Literal["all", "test"] = "all",
    classes: Sequence[str] = (),
    now: datetime,
    report: Report = silent,
) -> ImportReport:
    """Take every picture below the folder into the dataset; nothing stops it, everything is accounted for.

    `labels` gives the class by file name (read_labels makes it from a CSV); None means class folders, where
    there are any.  What becomes of labels and split is told in placing.place; keep_labels="test" drops the
    labels of the training pool: people will give them.  Where neither the dataset nor the labels name any
    class, `classes` do, in their order; raises ConfigError where people could not choose among them.

    Each file is one of: taken, known from before, refused (with the reason), or a second copy (noted).  Rows
    are written in lots; a killed or cancelled import is finished by the next one of the same folder.
    """
    wish = placing.Wish(test_share, keep_labels)
    if classes:
        config.check_classes(classes)
    found = folders.find_files(folder)
    intake = _Intake(dataset, now, dict(dataset.samples.values_list("key", "file")), refused=found.refused)
    _read_all(intake, _without_csv(found.files, labels), report)
    groups = placing.find_groups(dataset, report)
    with transaction.atomic():
        dataset.classes = Dataset.objects.select_for_update().get(pk=dataset.pk).classes
        given = _take_labels(intake, labels)
        _name_classes(dataset, given, classes)
        intake.noted += placing.place(dataset, groups, given, wish=wish, now=now)
        return _write_report(intake, folder)


def remove_dataset(dataset: Dataset) -> None:
    """Delete the dataset: first its rows with all that hangs on them, then its files."""
    kept = [Path(settings.STATE_DIR, name, str(dataset.pk)) for name in ("predictions", "embeddings")]
    folders_of = [settings.MEDIA_ROOT / str(dataset.pk), *kept]
    dataset.delete()
    for folder in folders_of:
        shutil.rmtree(folder, ignore_errors=True)


def _without_csv(files: list[tuple[str, Path]], labels: Mapping[str, str] | None) -> list[tuple[str, Path]]:
    """Leave out the file that the labels were read from."""
    csv_path = labels.path.resolve() if isinstance(labels, Labels) else None
    return [(name, path) for name, path in files if path != csv_path]


def _read_all(intake: _Intake, files: list[tuple[str, Path]], report: Report) -> None:
    """Make samples of the files, as yet without label and group."""
    for start in range(0, len(files), LOT):
        report(Progress("Reading pictures", start, len(files)))
        lot = [sample for name, path in files[start : start + LOT] if (sample := _read(intake, name, path))]
        Sample.objects.bulk_create(lot, ignore_conflicts=True)  # another import may have been faster
        intake.taken += len(lot)
    report(Progress("Reading pictures", len(files), len(files)))


def _read(intake: _Intake, name: str, path: Path) -> Sample | None:
    """Return a new sample, its file stored; None where the file is known, a second copy, or refused."""
    try:
        raw = images.read_bytes(path)
        key = images.key_of(raw)
        seen = key in intake.names or _is_stored(intake, key)
        picture = None if seen else images.understand(raw, path.name)
    except images.RefusedPicture as refused:
        intake.refused.append(Refusal(name, str(refused)))
        return None
    intake.keys[name] = key
    first = intake.names.setdefault(key, name)
    if first != name:
        intake.noted.append(Refusal(name, f"The same file as {first}: one picture."))
    elif picture is None:
        intake.known += 1
    return _keep(intake, name, picture) if picture else None


def _is_stored(intake: _Intake, key: str) -> bool:
    return key in intake.stored and (settings.MEDIA_ROOT / intake.stored[key]).is_file()


def _keep(intake: _Intake, name: str, picture: images.Picture) -> Sample | None:
    """Store the picture; None where it has its row already and only the file was gone."""
    file = f"{intake.dataset.pk}/{picture.key[:2]}/{picture.key}{picture.suffix}"
    images.store(picture.data, settings.MEDIA_ROOT / file)
    if picture.key in intake.stored:
        intake.known += 1
        intake.noted.append(Refusal(name, "Known, but its stored file was gone: stored again."))
        return None
    intake.noted += [Refusal(name, note) for note in picture.notes]
    return Sample(
        dataset=intake.dataset,
        key=picture.key,
        name=_fit(name),
        file=file,
        width=picture.width,
        height=picture.height,
        difference_hash=duplicates.difference_hash(picture.small),
        wide_hash=picture.wide_hash,
        added_at=intake.now,
    )


def _take_labels(intake: _Intake, labels: Mapping[str, str] | None) -> dict[str, str]:
    """Return the label by content key."""
    dataset = intake.dataset
    if isinstance(labels, Labels):
        intake.refused += labels.refused
    if labels is None:
        by_name = sheets.class_folders(intake.keys, dataset.classes)
        intake.noted += sheets.split_folders(by_name)
    else:
        met = intake.keys.keys() | {file for file, _ in intake.refused}
        by_name, missing = sheets.match(labels, met)
        intake.refused += [
            Refusal(_fit(file), "The labels name it, but there is no such file.") for file in missing
        ]
    given, remarks = sheets.settle(intake.keys, by_name, dataset.classes)
    intake.noted += remarks
    intake.conflicts = sheets.conflicts(intake.keys, by_name, dataset.classes)
    intake.conflicts += conflicts.with_earlier_imports(dataset, intake.keys, by_name, given)
    return given


def _name_classes(dataset: Dataset, given: Mapping[str, str], classes: Sequence[str]) -> None:
    """Let the labels define the classes of a dataset that has none, else the importing person."""
    named = sorted(set(given.values())) or list(classes)
    if named and not dataset.classes:
        dataset.classes = named
        dataset.save(update_fields=["classes"])


def _write_report(intake: _Intake, folder: Path) -> ImportReport:
    return ImportReport.objects.create(
        dataset=intake.dataset,
        folder=_fit(folders.shown(str(folder))),
        taken=intake.taken,
        known=intake.known,
        refused=[{"file": _plain(file), "reason": _plain(reason)} for file, reason in intake.refused],
        noted=[{"file": _plain(file), "note": _plain(note)} for file, note in intake.noted],
        conflicts=[
            {"key": one.key, "said": {_plain(label): _plain(file) for label, file in one.said.items()}}
            for one in intake.conflicts
        ],
        created_at=intake.now,
    )


def _plain(text: str) -> str:
    return text.replace("\0", r"\x00")  # PostgreSQL keeps no zero bytes; a CSV may hold some


def _fit(name: str) -> str:
    """Return a name that fits its column; of a longer one, the end."""
    return name if len(name) <= MAX_NAME else f"…{name[1 - MAX_NAME :]}"
