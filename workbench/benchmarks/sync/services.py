"""A process that takes what a Label Studio would tell into a database of its own, one way or the other.

`python -m workbench.benchmarks.sync.services ours|peer TASKS PART` migrates the database, makes TASKS tasks,
takes an annotation of each, then takes it again where 1 % changed, twice: by the cursor, and by comparing
all; and prints processor and wall seconds of each and a digest of what stands after it, of the first PART
tasks.
"""

import gc
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import django
from django.core.management import call_command
from django.db import transaction

django.setup()

from labeling.label_studio.shapes import ChangedTask, Vote  # noqa: E402  # models need the setup
from labeling.models import (  # noqa: E402
    Annotation,
    AnnotationEvent,
    Annotator,
    Dataset,
    LabelProject,
    LabelTask,
    Sample,
    SelectionRound,
)
from labeling.services import exchange, votes  # noqa: E402
from labeling.services.standing import Held  # noqa: E402

PAGE = 1000  # tasks a transaction
CHANGED = 100  # one in so many says something else the second time
CLASSES = ["cat", "dog", "fox"]
EMAILS = {number: f"ann{number}@example.org" for number in range(1, 6)}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHOWN = (
    *("task_id", "ls_annotation_id", "annotator_id", "label", "skipped", "superseded", "lead_time_s"),
    *("from_proposal", "proposal_changed", "parent_prediction", "created_at", "updated_at", "deleted_at"),
)
TOLD = ("kind", "annotator_id", "said", "skipped", "lead_time_s", "happened_at", "recorded_at")


def world(count: int) -> LabelProject:
    """Return a project with so many tasks of ours in it, and none of its annotations."""
    dataset = Dataset.objects.create(name="bench", classes=CLASSES, created_at=NOW)
    project = LabelProject.objects.create(dataset=dataset, ls_id=1, title="bench", created_at=NOW)
    chosen = SelectionRound.objects.create(
        dataset=dataset, strategy="random", random_share=1, seed=0, created_at=NOW
    )
    Annotator.objects.bulk_create(Annotator(email=e, ls_user_id=i) for i, e in EMAILS.items())
    made = Sample.objects.bulk_create(
        Sample(dataset=dataset, key=f"{n:064x}", name=str(n), file=str(n), width=1, height=1, added_at=NOW)
        for n in range(count)
    )
    LabelTask.objects.bulk_create(
        LabelTask(round=chosen, sample=sample, project=project, rank=n, score=0, reason="", ls_task_id=n + 1)
        for n, sample in enumerate(made)
    )
    return project


def told(count: int) -> list[ChangedTask]:
    """Return what the server tells of the tasks the first time."""
    return [_told(n, NOW + timedelta(seconds=n), CLASSES[n % 3]) for n in range(count)]


def told_again(before: Sequence[ChangedTask], later: datetime, label: str) -> list[ChangedTask]:
    """Return the same, where one task in a hundred was judged anew."""
    return [
        replace(task, updated_at=later, votes=(replace(task.votes[0], choices=(label,), updated_at=later),))
        if number % CHANGED == 0
        else task
        for number, task in enumerate(before)
    ]


def _told(number: int, at: datetime, label: str) -> ChangedTask:
    vote = Vote(
        ls_id=number + 1,
        user_id=number % 5 + 1,
        choices=(label,),
        skipped=False,
        lead_time_s=1.5,
        parent_prediction=None,
        origin="manual",
        created_at=at,
        updated_at=at,
    )
    return ChangedTask(number + 1, f"{number:064x}", at, (vote,))


def ours(project: LabelProject, changed: Sequence[ChangedTask]) -> None:
    """What exchange.take_changes does with a server that gives what changed since the cursor."""
    since = project.cursor_at - exchange.OVERLAP if project.cursor_at else NOW
    news = sorted((task for task in changed if task.updated_at >= since), key=lambda task: task.updated_at)
    held = None if project.cursor_at else Held.of(project)
    for page in _pages(news):
        votes.merge(project, page, EMAILS, NOW, held=held)


def thorough(project: LabelProject, changed: Sequence[ChangedTask]) -> None:
    """What it does where all has to be compared, for the counts differ."""
    held = Held.of(project)
    for page in _pages(changed):
        votes.merge(project, page, EMAILS, NOW, held=held)


def peer(project: LabelProject, changed: Sequence[ChangedTask]) -> None:
    """The loop that one writes first, a transaction a page; it is told what changed, for the history."""
    tasks = {task.ls_task_id: task for task in project.tasks.all()}
    people = {person.ls_user_id: person for person in Annotator.objects.all()}
    before = dict(Annotation.objects.values_list("ls_annotation_id", "updated_at"))
    for page in _pages(changed):
        with transaction.atomic():
            for theirs in page:
                for vote in theirs.votes:
                    row, created = Annotation.objects.update_or_create(
                        task=tasks[theirs.ls_id],
                        ls_annotation_id=vote.ls_id,
                        defaults=_defaults(tasks[theirs.ls_id], people[vote.user_id], vote),
                    )
                    if before.get(vote.ls_id) != vote.updated_at:
                        _remember(row, "created" if created else "edited", vote)


def _defaults(task: LabelTask, who: Annotator, vote: Vote) -> dict[str, object]:
    return {
        "sample_id": task.sample_id,
        "source": Annotation.Source.LABEL_STUDIO,
        "annotator": who,
        "label": vote.choices[0],
        "lead_time_s": vote.lead_time_s,
        "created_at": vote.created_at,
        "updated_at": vote.updated_at,
    }


def _remember(row: Annotation, kind: str, vote: Vote) -> None:
    AnnotationEvent.objects.create(
        annotation=row,
        kind=kind,
        annotator_id=row.annotator_id,
        said=row.label,
        lead_time_s=row.lead_time_s,
        happened_at=vote.updated_at,
        recorded_at=NOW,
    )


def _pages(changed: Sequence[ChangedTask]) -> Iterator[Sequence[ChangedTask]]:
    for start in range(0, len(changed), PAGE):
        yield changed[start : start + PAGE]


def digest(project: LabelProject, part_of: int) -> str:
    """Return a digest of annotations and events of the first `part_of` tasks."""
    part = {"task__project": project, "task__ls_task_id__lte": part_of}
    rows = Annotation.objects.filter(**part).order_by("task_id", "ls_annotation_id").values_list(*SHOWN)
    events = AnnotationEvent.objects.filter(**{f"annotation__{name}": value for name, value in part.items()})
    order = ("annotation__task_id", "annotation__ls_annotation_id", "pk")
    lines = [*rows, *events.order_by(*order).values_list(*order[:2], *TOLD)]
    return hashlib.sha256("\n".join(map(str, lines)).encode()).hexdigest()


def timed(work: Callable[[], None]) -> dict[str, float]:
    gc.collect()
    gc.freeze()  # what stands before is neither side's: a real exchange holds a page of it at a time
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}


def main(side: str, count: int, part_of: int) -> dict[str, object]:
    take, compare = {"ours": (ours, thorough), "peer": (peer, peer)}[side]
    call_command("migrate", verbosity=0)
    project, first = world(count), told(count)
    second = told_again(first, NOW + timedelta(days=30), "fox")
    third = told_again(second, NOW + timedelta(days=60), "cat")
    found: dict[str, object] = {"annotations": count}
    for name, way, changed in (("full", take, first), ("one_percent", take, second), ("all", compare, third)):
        found[name] = {**timed(lambda: way(project, changed)), "digest": digest(project, part_of)}  # noqa: B023
    return found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
