"""Workers die by kill -9 in a push and in a pull, Label Studio is restarted, no webhook ever arrives.

And both sides end equal, row for row."""

from contextlib import ExitStack
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

from labeling.label_studio import accounts, config
from labeling.models import Annotation, Annotator, Dataset, LabelProject, LabelTask, Sample, SelectionRound
from labeling.services import opinions
from tests.labeling.between import line
from tests.workbench.processes import command, kill, wait_for
from workbench.ledger.models import Job
from workbench.services import work

pytestmark = pytest.mark.label_studio
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLASSES = ["cat", "dog", "bird"]
FIELDS = (
    "id,data,annotations,result,completed_by,was_cancelled,lead_time,parent_prediction,created_at,updated_at"
)
TASKS = 1010  # two requests of at most 1,000


@pytest.fixture
def chosen(transactional_db, label_studio, settings):
    settings.STATE_DIR, settings.MEDIA_ROOT = label_studio.media.parent, label_studio.media
    link = label_studio.media.parent / "label-studio"
    link.unlink(missing_ok=True)
    link.symlink_to(label_studio.folder)
    dataset = Dataset.objects.create(name="Unlosable", classes=CLASSES, created_at=NOW)
    (label_studio.media / str(dataset.pk)).mkdir(exist_ok=True)
    Image.new("RGB", (8, 8)).save(label_studio.media / f"{dataset.pk}/one.png")
    Sample.objects.bulk_create(
        Sample(
            dataset=dataset,
            key=f"{n:064x}",
            name=f"{n}.png",
            file=f"{dataset.pk}/one.png",
            width=8,
            height=8,
            added_at=NOW,
        )
        for n in range(TASKS)
    )
    ids = list(dataset.samples.order_by("pk").values_list("pk", flat=True))
    said = opinions.record_predictions(
        dataset, ids, np.tile([0.1, 0.1, 0.8], (TASKS, 1)), source="run:1", model_version="lost-1", now=NOW
    )
    made = SelectionRound.objects.create(
        dataset=dataset, strategy="margin", random_share=0.2, seed=1, prediction_set=said, created_at=NOW
    )
    LabelTask.objects.bulk_create(
        LabelTask(round=made, sample_id=pk, rank=rank, score=rank / TASKS, reason="a test")
        for rank, pk in enumerate(ids)
    )
    return made


def theirs(admin, project):
    """What the server itself lists: its tasks, and its annotations field by field."""
    tasks, page = [], 1
    while len(tasks) == 500 * (page - 1):
        query = {"project": project.ls_id, "page": page, "page_size": 500, "fields": "all", "include": FIELDS}
        tasks += admin.get("/api/tasks/", params=query).raise_for_status().json()["tasks"]
        page += 1
    emails = {user["id"]: user["email"] for user in admin.get("/api/users/").json()}
    return {task["id"]: task["data"][config.ITEM] for task in tasks}, sorted(
        (
            *(one["id"], task["id"], emails[one["completed_by"]], config.choices_of(one["result"])),
            *(one["was_cancelled"], one["lead_time"], one["parent_prediction"]),
            *(datetime.fromisoformat(one[name]) for name in ("created_at", "updated_at")),
        )
        for task in tasks
        for one in task["annotations"]
    )


def ours(project):
    """The same of our rows; the words are those of the history's last event of each."""
    rows = Annotation.objects.filter(task__project=project, deleted_at=None, ls_annotation_id__isnull=False)
    said = {row.pk: row.events.last().said for row in rows}
    tasks = dict(project.tasks.standing().values_list("ls_task_id", "sample__key"))
    return tasks, sorted(
        (
            *(row.ls_annotation_id, row.task.ls_task_id, row.annotator.email),
            *((said[row.pk],) if said[row.pk] else (), row.skipped, row.lead_time_s, row.parent_prediction),
            *(row.created_at, row.updated_at),
        )
        for row in rows.select_related("task", "annotator")
    )


def test_nothing_is_lost(chosen, label_studio, people, admin):
    with line(label_studio.url) as (wire, port), ExitStack() as stack:
        place = {
            "SEEDBED_STATE": str(label_studio.media.parent),
            "SEEDBED_LABEL_STUDIO_PORT": str(port),
            "SEEDBED_SYNC_SECONDS": "1",
        }

        def worker(name):
            return stack.enter_context(command("worker", "--name", name, **place))

        def died(process):
            assert wire.holding.wait(60), "the moment did not come"
            kill(process.pid)
            process.wait(10)

        # killed when the server has taken the first thousand tasks and we have not heard of it
        wire.hold(lambda asked: asked.startswith("POST") and "/import" in asked)
        first = worker("w1")
        push = work.start_push(chosen)
        died(first)
        assert chosen.tasks.standing().count() == 0
        label_studio.stop()
        wire.release()
        label_studio.start()
        stack.enter_context(command("tick", **place))
        second = worker("w2")
        wait_for(lambda: not chosen.tasks.unsent().exists(), 120)
        wait_for(lambda: Job.objects.get(pk=push.pk).state == "done", 60)
        project = LabelProject.objects.get()

        # killed when a page of changes was sent to us and nothing of it was taken
        wire.hold(lambda asked: "/api/tasks/" in asked and "updated_at" in asked and "page_size=200" in asked)
        made = {name: [_label(people[name], project, "dog") for _ in range(3)] for name in sorted(people)}
        died(second)
        assert not Annotation.objects.exists()
        wire.release()

        # killed when annotations were taken, and labels and counts were not
        before = len(wire.asked)
        wire.hold(lambda asked: _looks_again(wire.asked[before:], asked))
        third = worker("w3")
        died(third)
        assert Annotation.objects.count() == 9
        assert not Sample.objects.exclude(label="").exists()
        label_studio.stop()
        wire.release()
        label_studio.start()

        # meanwhile people go on: edits, deletions, skips, an unknown word, a task deleted
        _change(admin, made["ann1"][0][1], {"result": config.result("cat")})
        _change(admin, made["ann2"][0][1], {"result": config.result("zebra")})
        admin.delete(f"/api/annotations/{made['ann2'][1][1]}/").raise_for_status()
        admin.delete(f"/api/tasks/{made['ann3'][0][0]}/").raise_for_status()
        task = people["ann3"].next_task(project.ls_id)
        people["ann3"].skip(task)
        worker("w4")
        standing = Annotation.objects.filter(deleted_at=None)
        wait_for(lambda: standing.count() == 8, 90)  # 9, and a skip, without a deleted one and a task's
        wait_for(lambda: not Job.objects.filter(state__in=["queued", "running"]).exists(), 60)

        assert theirs(admin, project) == ours(project)
    tasks, annotations = ours(project)
    assert (len(tasks), len(annotations)) == (TASKS - 1, 8)
    assert sorted(tasks.values()) == sorted(set(tasks.values()))
    assert sorted(Sample.objects.exclude(label="").values_list("label", flat=True)) == ["cat", *["dog"] * 5]
    assert Annotator.objects.count() == 3
    _history_ends_as_the_rows(project)
    project.refresh_from_db()
    assert "zebra" not in project.error
    assert "1 annotations name no class" in project.error


def _label(person: accounts.Session, project, label):
    task = person.next_task(project.ls_id)
    return task.id, person.submit(task, label, 2.5)


def _change(admin, annotation, body):
    admin.patch(f"/api/annotations/{annotation}/", json=body).raise_for_status()


def _looks_again(since, asked):
    """The question for the counts that follows a page of changes."""
    pages = [one for one in since if "/api/tasks/" in one and "page_size=200" in one]
    return bool(pages) and asked.startswith("GET /api/projects/") and "?ids" not in asked


def _history_ends_as_the_rows(project):
    for row in Annotation.objects.filter(task__project=project):
        kinds = list(row.events.values_list("kind", flat=True))
        assert kinds[0] == "created"
        assert kinds.count("created") == 1
        assert (kinds[-1] == "deleted") == (row.deleted_at is not None)
