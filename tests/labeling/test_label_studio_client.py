"""The client: answers that must not be believed, changes that must not be missed."""

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from PIL import Image

from labeling.label_studio import config, pulse
from labeling.label_studio.client import Studio
from labeling.label_studio.shapes import NewTask, StudioError

pytestmark = pytest.mark.label_studio
CLASSES = ["cat", "dog"]


@pytest.fixture
def project(studio):
    made = studio.create_project("Client tests", CLASSES, 1, None)
    yield made
    studio.delete_project(made)


def tasks(count, **changes):
    prediction = config.prediction(CLASSES, "cat", 0.5, "m1")
    given = {"round": "7", "image": "/x.png", "prediction": prediction} | changes
    return [NewTask(item=f"key{number}", **given) for number in range(count)]


@pytest.fixture
def liar():
    """A server that answers 201 to every import, with the answer it was told to give."""

    class Answers(BaseHTTPRequestHandler):
        answer: dict = {}

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps(self.answer).encode()
            self.send_response(201)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        server.answers = Answers
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        {"task_count": 1, "prediction_count": 2, "task_ids": [1, 2]},
        {"task_count": 2, "prediction_count": 1, "task_ids": [1, 2]},
        {"task_count": 2, "prediction_count": 2, "task_ids": [1]},
        {"task_count": 2, "prediction_count": 2},
    ],
)
def test_fewer_than_sent_is_an_error_though_the_server_says_201(liar, answer):
    liar.answers.answer = answer
    with (
        Studio(f"http://127.0.0.1:{liar.server_port}", "0" * 40) as studio,
        pytest.raises(StudioError, match=r"took .* of 2 tasks and .* of 2 predictions") as caught,
    ):
        studio.push(1, tasks(2))
    assert not caught.value.permanent


def test_a_folder_that_cannot_be_served_leaves_no_project_behind(studio, admin):
    before = admin.get("/api/projects/").json()["count"]
    with pytest.raises(StudioError, match="opening the pictures' folder"):
        studio.create_project("No pictures", CLASSES, 1, Path("/nowhere"))
    assert admin.get("/api/projects/").json()["count"] == before


@pytest.mark.parametrize("key", ["0" * 40, "a.b.c"])
def test_a_key_that_is_none_is_refused_for_good(label_studio, key):
    with (
        pytest.raises(StudioError, match="refuses our key") as caught,
        Studio(label_studio.url, key) as studio,
    ):
        studio.whoami()
    assert caught.value.permanent


def test_an_empty_key_is_told():
    with pytest.raises(StudioError, match="Set LABEL_STUDIO_API_KEY"):
        Studio("http://127.0.0.1:9", "")


def test_a_project_that_is_gone_counts_nothing_and_takes_nothing(studio):
    assert studio.counts(99_999) is None
    assert studio.keep_classes(99_999, CLASSES) is False
    with pytest.raises(StudioError, match="Was the project deleted") as caught:
        studio.push(99_999, tasks(1))
    assert caught.value.permanent
    assert "<html" not in str(caught.value)


def test_who_and_what(studio, crew):
    assert studio.whoami() == "seedbed@localhost"
    assert studio.version() == "1.23.2"
    assert set(crew) < set(studio.emails().values())


def test_ids_come_in_the_order_that_was_sent(studio, project):
    ids = studio.push(project, tasks(20))
    found = studio.find_round(project, "7")
    assert [task.ls_id for task in found] == ids == sorted(ids)
    assert [task.item for task in found] == [f"key{number}" for number in range(20)]
    assert {task.predictions for task in found} == {1}


@pytest.mark.parametrize("round", ["", "1", "17", "71"])
def test_a_round_is_found_by_its_whole_name(studio, project, round):
    studio.push(project, tasks(2))
    assert studio.find_round(project, round) == []


@pytest.mark.parametrize("page", [1, 2, 4, 200])
def test_every_change_comes_whatever_the_page(studio, project, page, monkeypatch):
    monkeypatch.setattr("labeling.label_studio.client.PAGE", page)
    monkeypatch.setattr("labeling.label_studio.client.ID_PAGE", page)
    ids = studio.push(project, tasks(4))
    seen = [task.ls_id for found in studio.changed_since(project, None) for task in found]
    assert set(seen) == set(ids) == studio.task_ids(project)
    assert len(studio.find_round(project, "7")) == 4


def test_changes_of_one_instant_do_not_stop_the_pages(studio, project, label_studio, monkeypatch):
    """Many tasks can carry the same timestamp: a page of them must not be served for ever."""
    monkeypatch.setattr("labeling.label_studio.client.PAGE", 2)
    ids = studio.push(project, tasks(7))
    label_studio.execute("update task set updated_at = '2026-01-01 00:00:00' where project_id = ?", project)
    seen = {task.ls_id for found in studio.changed_since(project, None) for task in found}
    assert seen == set(ids)


def test_only_what_changed_since_the_cursor_comes(studio, project, label_studio, people):
    studio.push(project, tasks(5))
    studio.by_model(project, "m1")
    cursor = pulse.newest_change(label_studio.url, label_studio.keys.token, project)
    task = people["ann1"].next_task(project)
    people["ann1"].submit(task, "dog", lead_time_s=3.5)
    changed = [t for found in studio.changed_since(project, cursor) for t in found]
    (vote,) = changed[-1].votes
    assert {t.ls_id for t in changed[:-1]} < studio.task_ids(project)
    assert (changed[-1].ls_id, changed[-1].item) == (task.id, task.item)
    assert (vote.choices, vote.skipped, vote.lead_time_s) == (("dog",), False, 3.5)
    assert studio.emails()[vote.user_id] == "ann1@example.org"


def test_people_who_ask_at_once_get_different_tasks(studio, project, people):
    studio.push(project, tasks(12))
    studio.by_model(project, "m1")

    def work(session):
        served = []
        while (task := session.next_task(project)) is not None:
            session.submit(task, "cat")
            served.append(task.id)
        return served

    with ThreadPoolExecutor(3) as pool:
        served = [task for tasks in pool.map(work, people.values()) for task in tasks]
    assert len(served) == len(set(served)) == 12


def test_uploads_keep_order_and_bytes(studio, project, admin, tmp_path, monkeypatch):
    monkeypatch.setattr("labeling.label_studio.client.UPLOADS", 2)
    files = [tmp_path / f"{number} ü.png" for number in range(3)]
    for number, file in enumerate(files):
        Image.new("L", (4, 4), number).save(file)
    addresses = studio.upload(project, files)
    assert [admin.get(address).content for address in addresses] == [file.read_bytes() for file in files]
    assert studio.counts(project).tasks == 0


def test_odd_class_names_make_the_whole_round(studio, people):
    odd = ["a & b", 'the "big" one', "<i>it</i>", "Ünïcode 猫", "it's", "$5 note"]
    made = studio.create_project("Odd names", odd, 1, None)
    prediction = config.prediction(odd, "$5 note", 0.5, "m1")
    studio.push(made, tasks(len(odd), prediction=prediction))
    for name in odd:
        people["ann1"].submit(people["ann1"].next_task(made), name)
    said = [vote.choices for found in studio.changed_since(made, None) for t in found for vote in t.votes]
    assert sorted(said) == sorted((name,) for name in odd)
    assert studio.keep_classes(made, odd)
    studio.delete_project(made)


def test_the_sdk_is_entered_without_pandas_or_opencv():
    code = "import sys, labeling.label_studio.client; print({'pandas', 'cv2', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
