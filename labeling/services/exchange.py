"""The exchange with Label Studio: tasks out by outbox rows, annotations back by a cursor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
from django.conf import settings
from django.db import transaction

from labeling.label_studio import config
from labeling.label_studio.shapes import LOT, ChangedTask, Counts, NewTask, StudioError
from labeling.models import Annotation, Dataset, LabelProject, LabelTask, SelectionRound
from labeling.progress import Progress, Report
from labeling.services import opinions, restoring, votes
from labeling.services.standing import Held

if TYPE_CHECKING:
    from labeling.label_studio.client import Studio

OVERLAP = timedelta(seconds=60)  # a change there may be committed after one with a younger timestamp
STAGE = "Sending to Label Studio"
NO_CLASSES = " Import the pictures again and name the classes: `manage.py import_images … --classes cat,dog`."


@dataclass(frozen=True)
class Pulled:
    """What one pull brought."""

    merged: votes.Merged
    removed: int  # tasks that were deleted in Label Studio since the last pull
    trouble: str  # sentences for a person, as in project.error; "" when both sides agree


def open_projects(dataset: Dataset, studio: Studio) -> list[LabelProject]:
    """Return the dataset's projects that live on this server, the newest first."""
    return list(dataset.projects.filter(server_url=_name_of(studio), closed_at=None).order_by("-pk"))


def open_project(
    dataset: Dataset, overlap: int, studio: Studio, now: datetime, *, blind: bool = False
) -> LabelProject:
    """Return the dataset's project of this overlap on this server; made there when there is none yet.

    Later rounds use it again; reviews, which are blind, have projects of their own.  One that was deleted in
    Label Studio is closed here, and a new one made.
    """
    for project in open_projects(dataset, studio):
        alike = (project.overlap, project.blind) == (overlap, blind)
        if alike and studio.keep_classes(project.ls_id, dataset.classes):
            return project
        if alike:
            _close(project, now)
    title = f"{dataset.name[:32]} ({overlap} opinion{'s' if overlap > 1 else ''} each)"
    if blind:
        title = f"{dataset.name[:26]} (blind review, {overlap} each)"
    return LabelProject.objects.create(
        dataset=dataset,
        server_url=_name_of(studio),
        ls_id=studio.create_project(
            title, dataset.classes, overlap, _folder(dataset, studio), proposals=not blind
        ),
        title=title,
        overlap=overlap,
        blind=blind,
        created_at=now,
    )


def push_round(round: SelectionRound, studio: Studio, now: datetime, report: Report) -> LabelProject:
    """Bring the round's samples into its project as tasks, in rank order, with the model's proposals.

    Safe to repeat after any failure: tasks that an earlier call sent without learning their ids are found by
    our own keys before anything is sent.  Raises StudioError; what was done until then stays recorded.
    """
    try:
        config.check_classes(round.dataset.classes)
    except config.ConfigError as error:
        remedy = "" if round.dataset.classes else NO_CLASSES
        raise StudioError(f"{error}{remedy}", permanent=True) from error
    project = open_project(round.dataset, round.overlap, studio, now, blind=round.blind)
    if not restoring.may_go_on(project, studio, now):
        raise StudioError(project.error, permanent=True)
    round.tasks.unsent().update(project=project)
    proposals, total = _Proposals(round), round.tasks.count()
    _adopt(round, project, studio, now, proposals=proposals)
    rows = list(round.tasks.unsent().select_related("sample").order_by("rank"))
    for start in range(0, len(rows), LOT):
        report(Progress(STAGE, total - len(rows) + start, total))
        lot = rows[start : start + LOT]
        images = _addresses([row.sample.file for row in lot], project, studio)
        tasks = [
            NewTask(row.sample.key, str(round.pk), image, proposals.of(row))
            for row, image in zip(lot, images, strict=True)
        ]
        _record(lot, studio.push(project.ls_id, tasks), project, now, proposals=proposals)
    _verify(rows, project, studio, proposals)
    if rows:
        restoring.raise_mark(project, studio)
    if round.prediction_set is not None:
        project.model_version = round.prediction_set.model_version
        studio.by_model(project.ls_id, project.model_version)
        project.save(update_fields=["model_version"])
    report(Progress(STAGE, total, total))
    return project


def pull_annotations(project: LabelProject, studio: Studio, now: datetime, report: Report) -> Pulled:
    """Make our annotations of the project equal to Label Studio's, and settle the dataset's labels.

    Changes come by cursor.  Where the counts differ twice, by something that was not known at the last pull,
    all is read again: a task deleted there moves no timestamp.  A server that was restored from an old copy
    is known by its mark (services.restoring): then nothing is taken, and the project's error says so.
    """
    if not restoring.may_go_on(project, studio, now):
        return Pulled(votes.Merged(), 0, project.error)
    merged, removed, counts = _take_all(project, studio, now, report)
    opinions.settle_labels(project.dataset)
    if counts is None:
        _close(project, now)
        return Pulled(merged, removed, project.error)
    if merged or removed:
        restoring.raise_mark(project, studio)
    project.seen, project.synced_at, project.error = asdict(counts), now, _trouble(project, counts)
    project.save(update_fields=["seen", "synced_at", "error"])
    return Pulled(merged, removed, project.error)


def _take_all(
    project: LabelProject, studio: Studio, now: datetime, report: Report
) -> tuple[votes.Merged, int, Counts | None]:
    """Take changes until the counts agree; they are None where the project is gone."""
    merged, removed = votes.Merged(), 0
    counts = studio.counts(project.ls_id)
    for thorough in (False, False, True):  # the second look takes what came in during the first
        if counts is None:
            break
        if thorough:
            removed = _mark_removed(project, studio, now)
        merged += take_changes(project, studio, now, report, everything=thorough)
        counts = studio.counts(project.ls_id)
        if counts is not None and (counts == _held(project) or asdict(counts) == project.seen):
            break
    return merged, removed, counts


def tell(dataset: Dataset, studio_error: StudioError) -> None:
    """Show on the dataset's projects that the exchange failed."""
    dataset.projects.filter(closed_at=None).update(error=str(studio_error))


class _Proposals:
    """The model's proposals for the tasks of a round; none where the round had no model."""

    def __init__(self, round: SelectionRound) -> None:
        self._classes = round.dataset.classes
        self.version, self._label = "", {}
        if round.prediction_set is not None and not round.blind:
            self.version = round.prediction_set.model_version
            with np.load(settings.STATE_DIR / round.prediction_set.path) as kept:
                best = kept["classes"][kept["probs"].argmax(axis=1)]
                self._label = dict(zip(kept["sample_ids"].tolist(), best.tolist(), strict=True))

    def of(self, row: LabelTask) -> dict[str, object] | None:
        """Return the proposal in Label Studio's shape."""
        if not self.version:
            return None
        return config.prediction(self._classes, self.label(row), row.score, self.version)

    def label(self, row: LabelTask) -> str:
        """Return the proposed class, "" where there is none.

        An audit sample gets its rank but no proposed label: its label shall not lean on the model.
        """
        return "" if row.audit or row.gold else str(self._label.get(row.sample_id, ""))


def _name_of(studio: Studio) -> str:
    return "" if studio.embedded else studio.base_url


def _close(project: LabelProject, now: datetime) -> None:
    """Record that the project is gone, and its tasks with it; tasks not sent yet go to the next project."""
    project.tasks.standing().update(removed_at=now, ls_task_id=None)
    project.closed_at = now
    project.error = (
        f"The project {project.title!r} was deleted in Label Studio. Labels that had come from it still "
        "count; the next round opens a new project."
    )
    project.save(update_fields=["closed_at", "error"])


def _folder(dataset: Dataset, studio: Studio) -> Path | None:
    """Return what the embedded server shall serve to the project: the dataset's folder of pictures."""
    if not studio.embedded:
        return None
    file = dataset.samples.values_list("file", flat=True)[0]
    return Path(settings.MEDIA_ROOT, Path(file).parts[0])


def _addresses(files: Sequence[str], project: LabelProject, studio: Studio) -> list[str]:
    """Return where the annotator's browser finds each picture.

    Always at Label Studio's own origin, for its signed-in accounts only: another origin would need CORS and
    addresses that hold a key.
    """
    if studio.embedded:
        return [f"/data/local-files/?d={quote(file)}" for file in files]
    return studio.upload(project.ls_id, [Path(settings.MEDIA_ROOT, file) for file in files])


def _adopt(
    round: SelectionRound, project: LabelProject, studio: Studio, now: datetime, *, proposals: _Proposals
) -> None:
    """Record tasks that stand in Label Studio though we never learnt their ids; drop doubles."""
    held = set(round.tasks.standing().values_list("ls_task_id", flat=True))
    wanting = {row.sample.key: row for row in round.tasks.unsent().select_related("sample")}
    rows, ids, double = [], [], []
    for task in studio.find_round(project.ls_id, str(round.pk)):
        if task.ls_id in held:
            continue
        if task.item in wanting:
            rows.append(wanting.pop(task.item))
            ids.append(task.ls_id)
        elif not task.annotations:
            double.append(task.ls_id)
    studio.delete_tasks(double)
    _record(rows, ids, project, now, proposals=proposals)


def _record(
    rows: Sequence[LabelTask],
    ids: Sequence[int],
    project: LabelProject,
    now: datetime,
    *,
    proposals: _Proposals,
) -> None:
    with transaction.atomic():
        # Label Studio gives the ids of deleted tasks again: what they meant before is gone.
        votes.mark_removed(project.tasks.filter(ls_task_id__in=ids), now)
        for row, ls_id in zip(rows, ids, strict=True):
            row.ls_task_id, row.pushed_at, row.proposed = ls_id, now, proposals.label(row)
            row.model_version = proposals.version
        fields = ["ls_task_id", "pushed_at", "proposed", "model_version"]
        LabelTask.objects.bulk_update(rows, fields, batch_size=500)


def _verify(rows: Sequence[LabelTask], project: LabelProject, studio: Studio, proposals: _Proposals) -> None:
    """Read back what was just sent: Label Studio drops what it dislikes and says nothing."""
    if not rows:
        return
    found = {task.ls_id: task for task in studio.find_round(project.ls_id, str(rows[0].round_id))}
    tasks = [found.get(row.ls_task_id or 0) for row in rows]
    missing = sum(task is None for task in tasks)
    bare = sum(task is not None and task.predictions == 0 for task in tasks) if proposals.version else 0
    if missing or bare:
        raise StudioError(
            f"Of {len(rows)} tasks sent, Label Studio holds {missing} not at all and {bare} without the "
            "model's proposal.",
            permanent=True,
        )


def take_changes(
    project: LabelProject, studio: Studio, now: datetime, report: Report, *, everything: bool = False
) -> votes.Merged:
    """Take what changed since the cursor, or all that the project holds."""
    since = project.cursor_at - OVERLAP if project.cursor_at and not everything else None
    held = Held.of(project) if since is None else None
    emails: dict[int, str] = {}
    merged, done = votes.Merged(), 0
    for lot in _lots(studio.changed_since(project.ls_id, since)):
        report(Progress("Fetching annotations", done))
        if any(votes.strangers(lot, emails)):
            emails = studio.emails()
        merged += votes.merge(project, lot, emails, now, held=held)
        done += len(lot)
    return merged


def _lots(pages: Iterable[list[ChangedTask]]) -> Iterator[list[ChangedTask]]:
    """Yield the tasks of several pages at a time: each merge is a transaction."""
    lot: list[ChangedTask] = []
    for page in pages:
        lot += page
        if len(lot) >= LOT:
            yield lot
            lot = []
    if lot:
        yield lot


def _mark_removed(project: LabelProject, studio: Studio, now: datetime) -> int:
    standing = studio.task_ids(project.ls_id)
    gone = [task for task in project.tasks.standing() if task.ls_task_id not in standing]
    votes.mark_removed(gone, now)
    return len(gone)


def _held(project: LabelProject) -> Counts:
    """Return what we hold of the project, counted as Label Studio counts."""
    held = Annotation.objects.filter(task__project=project, deleted_at=None)
    return Counts(
        tasks=project.tasks.standing().count(),
        annotations=held.filter(skipped=False).count(),
        skipped=held.filter(skipped=True).count(),
    )


def _trouble(project: LabelProject, theirs: Counts) -> str:
    """Return what a person should look at, in sentences; "" when both sides agree."""
    ours = _held(project)
    odd = Annotation.objects.filter(task__project=project, deleted_at=None, skipped=False, label="")
    said = []
    if odd.exists():
        ids = ", ".join(str(i) for i in odd.values_list("ls_annotation_id", flat=True)[:10])
        said.append(f"{odd.count()} annotations name no class of this dataset and do not count (ids {ids}).")
    if theirs.tasks > ours.tasks:
        said.append(
            f"Label Studio's project holds {theirs.tasks - ours.tasks} tasks that Seedbed did not send; "
            "they and their annotations are left out."
        )
    elif theirs != ours:
        said.append(
            f"Label Studio counts {theirs.annotations} annotations and {theirs.skipped} skips, Seedbed "
            f"{ours.annotations} and {ours.skipped}; the next sync looks again."
        )
    return " ".join(said)
