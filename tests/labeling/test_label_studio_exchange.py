"""Rounds out and annotations back, against the real server: nothing lost, nothing doubled, nothing hidden."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from labeling.label_studio import accounts, config, pulse
from labeling.label_studio.client import Studio
from labeling.label_studio.shapes import NewTask, StudioError
from labeling.models import Annotation, Annotator, LabelTask
from labeling.progress import Cancelled
from labeling.services import exchange
from tests.labeling import pets
from tests.labeling.pets import CLASSES, NOW, choose, held, ids, predict, pull, push

pytestmark = [pytest.mark.label_studio, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def folders(label_studio, settings, tmp_path):
    settings.MEDIA_ROOT = label_studio.media
    settings.STATE_DIR = tmp_path


@pytest.fixture
def dataset(label_studio):
    return pets.make(label_studio)


class LosesAnswers(Studio):
    """A connection that breaks after the server took the tasks, before we hear of it."""

    def push(self, ls_id, tasks):
        super().push(ls_id, tasks)
        raise StudioError("the line is dead", permanent=False)


# What must not happen


def test_a_lost_answer_does_not_double_tasks(dataset, studio, label_studio):
    chosen = choose(dataset, [4, 2, 0])
    with (
        LosesAnswers(label_studio.url, label_studio.keys.token, embedded=True) as broken,
        pytest.raises(StudioError, match="the line is dead"),
    ):
        push(chosen, broken)
    assert ids(chosen) == [None] * 3
    project = push(chosen, studio)
    assert None not in ids(chosen)
    assert studio.counts(project.ls_id).tasks == 3
    assert dataset.projects.get() == project


def test_tasks_sent_twice_leave_one_and_what_is_annotated_stays(dataset, studio, admin):
    chosen = choose(dataset, [0, 1])
    project = push(chosen, studio)
    keys = [s.key for s in dataset.samples.order_by("pk")[:2]]
    twins = studio.push(project.ls_id, [NewTask(key, str(chosen.pk), "/x.png") for key in keys])
    body = {"result": config.result("cat")}
    admin.post(f"/api/tasks/{twins[1]}/annotations/", json=body).raise_for_status()
    push(chosen, studio)
    assert studio.task_ids(project.ls_id) == {*ids(chosen), twins[1]}
    assert "1 tasks that Seedbed did not send" in pull(project, studio).trouble


def test_a_second_push_sends_nothing(dataset, studio):
    chosen = choose(dataset, [0, 1])
    project = push(chosen, studio)
    before = ids(chosen)
    assert push(chosen, studio) == project
    assert ids(chosen) == before
    assert studio.counts(project.ls_id).tasks == 2


def test_an_unknown_label_is_told_and_does_not_count(dataset, studio, people, admin):
    chosen = choose(dataset, [0, 1])
    project = push(chosen, studio)
    body = {"result": config.result("zebra")}
    admin.post(f"/api/tasks/{ids(chosen)[0]}/annotations/", json=body).raise_for_status()
    pull(project, studio)
    assert held(project) == []
    assert dataset.samples.labeled().count() == 0
    assert "1 annotations name no class of this dataset" in project.error
    assert "1 annotations name no class" in pull(project, studio).trouble  # until somebody mends it


def test_tasks_of_others_are_told_and_left_out(dataset, studio, admin):
    project = push(choose(dataset, [0]), studio)
    made = admin.post("/api/tasks/", json={"project": project.ls_id, "data": {"image": "/x.png"}}).json()
    admin.post(
        f"/api/tasks/{made['id']}/annotations/", json={"result": config.result("cat")}
    ).raise_for_status()
    pulled = pull(project, studio)
    assert held(project) == []
    assert "holds 1 tasks that Seedbed did not send" in project.error == pulled.trouble


def test_an_id_that_comes_again_after_a_deletion_is_the_new_tasks(dataset, studio, people):
    first = choose(dataset, [0, 1])
    project = push(first, studio)
    lost = ids(first)[1]
    studio.delete_tasks([lost])
    second = choose(dataset, [2])
    push(second, studio)
    assert ids(second) == [lost]
    for _ in range(2):
        people["ann1"].submit(people["ann1"].next_task(project.ls_id), "cat")
    assert pull(project, studio).trouble == ""
    assert [s.label for s in dataset.samples.order_by("pk")[:3]] == ["cat", "", "cat"]


def test_an_id_that_means_another_task_now_gets_no_label(dataset, studio, people):
    """As on a server that was restored from an old copy."""
    chosen = choose(dataset, [0, 1])
    project = push(chosen, studio)
    task = people["ann1"].next_task(project.ls_id)
    people["ann1"].submit(task, "cat")
    lost, other = chosen.tasks.order_by("rank")
    LabelTask.objects.filter(pk=other.pk).update(ls_task_id=None)
    LabelTask.objects.filter(pk=lost.pk).update(ls_task_id=other.ls_task_id)
    pull(project, studio)
    assert held(project) == []
    assert project.error


def test_a_stopped_server_is_told_and_the_next_sync_recovers(dataset, studio, label_studio, people):
    project = push(choose(dataset, [0]), studio)
    people["ann1"].submit(people["ann1"].next_task(project.ls_id), "bird")
    label_studio.stop()
    with pytest.raises(StudioError, match=r"does not answer .* Is it running") as caught:
        pull(project, studio)
    assert not caught.value.permanent
    exchange.tell(dataset, caught.value)
    project.refresh_from_db()
    assert "does not answer" in project.error
    label_studio.start()
    assert pull(project, studio).trouble == project.error == ""
    assert [label for _, _, label in held(project)] == ["bird"]


def test_a_wrong_key_is_told_and_permanent(dataset, studio, label_studio):
    project = push(choose(dataset, [0]), studio)
    with (
        Studio(label_studio.url, "0" * 40, embedded=True) as stranger,
        pytest.raises(StudioError, match=r"refuses our key .* LABEL_STUDIO_API_KEY") as caught,
    ):
        pull(project, stranger)
    assert caught.value.permanent


def test_a_project_deleted_there_is_closed_its_labels_stay_and_the_next_round_opens_another(
    dataset, studio, people
):
    project = push(choose(dataset, [0, 2]), studio)
    people["ann1"].submit(people["ann1"].next_task(project.ls_id), "cat")
    pull(project, studio)
    assert dataset.samples.waiting().count() == 4
    studio.delete_project(project.ls_id)
    assert "was deleted in Label Studio" in pull(project, studio).trouble
    assert dataset.samples.labeled().count() == 1
    assert dataset.samples.waiting().count() == 5
    other = push(choose(dataset, [1]), studio)
    assert other.ls_id != project.ls_id
    assert exchange.open_projects(dataset, studio) == [other]


def test_cancel_between_two_lots_keeps_what_was_sent(dataset, studio, monkeypatch):
    monkeypatch.setattr(exchange, "LOT", 2)
    chosen = choose(dataset, [0, 1, 2, 3, 4])

    def stop(progress):
        if progress.done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        exchange.push_round(chosen, studio, NOW, stop)
    assert chosen.tasks.unsent().count() == 3
    project = push(chosen, studio)
    assert ids(chosen) == sorted(studio.task_ids(project.ls_id))


# Proposals


def test_proposals_are_the_models_and_audit_samples_have_none(dataset, studio, admin):
    chosen = choose(dataset, [5, 3, 1], predictions=predict(dataset, "m1", 5), audit={3})
    project = push(chosen, studio)
    rows = admin.get("/api/predictions/", params={"project": project.ls_id}).json()
    said = {
        row["task"]: (row["model_version"], row["score"], config.choices_of(row["result"])) for row in rows
    }
    assert [said[i] for i in ids(chosen)] == [
        ("m1", 0.0, ("cat",)),
        ("m1", 0.1, ()),
        ("m1", 0.2, ("bird",)),
    ]
    assert len(rows) == 3


def test_what_was_proposed_and_what_began_from_it_is_kept(dataset, studio, people, admin):
    chosen = choose(dataset, [5, 3, 1], predictions=predict(dataset, "m1", 5), audit={3})
    project = push(chosen, studio)
    assert list(chosen.tasks.order_by("rank").values_list("proposed", flat=True)) == ["cat", "", "bird"]
    first, _, third = ids(chosen)
    rows = admin.get("/api/predictions/", params={"project": project.ls_id}).json()
    parent = {row["task"]: row["id"] for row in rows}[first]
    body = {"result": config.result("bird"), "parent_prediction": parent}
    admin.post(f"/api/tasks/{first}/annotations/", json=body).raise_for_status()
    people["ann1"].submit(accounts.Task(third, ""), "cat")
    pull(project, studio)
    said = Annotation.objects.filter(task__project=project).order_by("ls_annotation_id")
    assert list(said.values_list("label", "task__proposed", "from_proposal")) == [
        ("bird", "cat", True),
        ("cat", "bird", False),
    ]


def test_a_class_that_came_later_can_be_chosen(dataset, studio, admin):
    project = push(choose(dataset, [0]), studio)
    dataset.classes = [*CLASSES, "fish"]
    dataset.save()
    assert push(choose(dataset, [1]), studio) == project
    assert 'value="fish"' in admin.get(f"/api/projects/{project.ls_id}/").json()["label_config"]


# Annotations back


def test_edits_deletions_and_skips_come_through(dataset, studio, people, admin):
    chosen = choose(dataset, [0, 1, 2])
    project = push(chosen, studio)
    first, second, third = (accounts.Task(i, "") for i in ids(chosen))
    edited = people["ann1"].submit(first, "cat", lead_time_s=2.5)
    deleted = people["ann1"].submit(second, "dog & co")
    people["ann2"].skip(third)
    merged = pull(project, studio).merged
    assert (merged.created, merged.updated, merged.deleted) == (3, 0, 0)
    assert held(project) == [(edited, "ann1@example.org", "cat"), (deleted, "ann1@example.org", "dog & co")]
    assert Annotation.objects.get(ls_annotation_id=edited, task__project=project).lead_time_s == 2.5
    assert Annotation.objects.filter(task__project=project, skipped=True).count() == 1

    admin.patch(f"/api/annotations/{edited}/", json={"result": config.result("bird")}).raise_for_status()
    admin.delete(f"/api/annotations/{deleted}/").raise_for_status()
    merged = pull(project, studio).merged
    assert (merged.created, merged.updated, merged.deleted) == (0, 1, 1)
    assert held(project) == [(edited, "ann1@example.org", "bird")]
    assert Annotation.objects.get(ls_annotation_id=deleted, task__project=project).deleted_at == NOW
    assert list(dataset.samples.order_by("pk").values_list("label", flat=True)[:3]) == ["bird", "", ""]


def test_of_two_votes_of_one_person_the_newest_counts(dataset, studio, people, admin):
    chosen = choose(dataset, [0])
    project = push(chosen, studio)
    task = accounts.Task(ids(chosen)[0], "")
    older, newer = (people["ann1"].submit(task, label) for label in ("cat", "bird"))
    assert pull(project, studio).trouble == ""
    assert held(project) == [(newer, "ann1@example.org", "bird")]
    admin.delete(f"/api/annotations/{newer}/").raise_for_status()
    pull(project, studio)
    assert held(project) == [(older, "ann1@example.org", "cat")]


def test_a_task_deleted_there_takes_its_annotations_and_is_not_sent_again(dataset, studio, people):
    chosen = choose(dataset, [0, 1])
    project = push(chosen, studio)
    for _ in range(2):
        people["ann1"].submit(people["ann1"].next_task(project.ls_id), "cat")
    pull(project, studio)
    studio.delete_tasks(ids(chosen)[:1])
    pulled = pull(project, studio)
    assert (pulled.removed, pulled.trouble) == (1, "")
    assert len(held(project)) == 1
    push(chosen, studio)
    assert studio.counts(project.ls_id).tasks == 1


def test_nothing_changed_brings_nothing(dataset, studio, people):
    project = push(choose(dataset, [0, 1]), studio)
    people["ann1"].submit(people["ann1"].next_task(project.ls_id), "cat")
    pull(project, studio)
    assert pull(project, studio).merged == exchange.votes.Merged()


def test_many_hands_and_small_pages_lose_nothing(dataset, studio, people, monkeypatch):
    monkeypatch.setattr("labeling.label_studio.client.PAGE", 2)
    project = push(choose(dataset, range(4), overlap=3), studio)

    def work(session):
        while (task := session.next_task(project.ls_id)) is not None:
            session.submit(task, CLASSES[task.id % 3])

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(work, session) for session in people.values()]:
            pull(project, studio)  # in between
            done.result()
    pull(project, studio)
    assert len(held(project)) == 12
    counts = studio.counts(project.ls_id)
    assert (counts.tasks, counts.annotations) == (4, 12)
    assert project.error == ""
    assert dataset.samples.labeled().count() == 4


def test_annotators_are_known_by_address_and_stay_simulated(dataset, studio, people):
    Annotator.objects.create(email="ann1@example.org", simulated=True, note="4% errors")
    project = push(choose(dataset, [0]), studio)
    people["ann1"].submit(people["ann1"].next_task(project.ls_id), "cat")
    pull(project, studio)
    person = Annotator.objects.get()
    assert person.simulated
    assert studio.emails()[person.ls_user_id] == "ann1@example.org"


def test_the_cursor_never_goes_back(dataset, studio, label_studio, people):
    project = push(choose(dataset, [0, 1]), studio)
    people["ann1"].submit(people["ann1"].next_task(project.ls_id), "cat")
    pull(project, studio)
    before = project.cursor_at
    keys = label_studio.keys
    assert before == pulse.newest_change(label_studio.url, keys.token, project.ls_id)
    project.seen = {}
    project.save()
    pull(project, studio)
    assert project.cursor_at == before


# Pictures


def test_people_see_the_picture_and_strangers_do_not(dataset, studio, label_studio, people):
    chosen = choose(dataset, [4])
    project = push(chosen, studio)
    session = people["ann1"]
    address = session._http.get(f"/api/tasks/{ids(chosen)[0]}/").json()["data"]["image"]
    seen = session._http.get(address)
    file = label_studio.media / dataset.samples.order_by("pk")[4].file
    assert seen.content == file.read_bytes()
    assert httpx.get(label_studio.url + address).status_code == 401
    for path in ("../server/secrets.json", f"{dataset.pk}/../../server/secrets.json", "pictures"):
        assert session._http.get("/data/local-files/", params={"d": path}).is_error
    assert project.server_url == ""


def test_an_outside_server_gets_the_pictures_uploaded(dataset, label_studio, people):
    chosen = choose(dataset, [4, 1], predictions=predict(dataset, "m1", 4))
    with Studio(label_studio.url, label_studio.keys.token) as outside:
        project = push(chosen, outside)
        assert project.server_url == label_studio.url
        session = people["ann1"]
        task = session.next_task(project.ls_id)
        assert (task.id, task.item) == (ids(chosen)[0], dataset.samples.order_by("pk")[4].key)
        address = session._http.get(f"/api/tasks/{task.id}/").json()["data"]["image"]
        assert address.startswith("/data/upload/")
        file = label_studio.media / dataset.samples.order_by("pk")[4].file
        assert session._http.get(address).content == file.read_bytes()
        assert httpx.get(label_studio.url + address).status_code == 401
        session.submit(task, "cat")
        pull(project, outside)
        assert [label for _, _, label in held(project)] == ["cat"]
        assert outside.counts(project.ls_id).tasks == 2
