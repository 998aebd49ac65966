"""The supervisor with real children."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.leash import leashed
from tests.workbench.processes import ROOT, alive, kill, pids, wait_for
from tests.workbench.sleepers import STUBBORN, child
from workbench import supervisor, tied
from workbench.supervisor import AlreadyUp, Child, State, Supervisor, Unhealthy, read_standings

pytestmark = pytest.mark.usefixtures("heeded")

HERE = Path(__file__).resolve().parent
DYING = "import sys; print('no luck'); sys.exit(3)"


def noted(folder, name):
    """The pids that a child wrote down."""
    file = folder / f"{name}.pids"
    return pids(file) if file.exists() else []


def all_gone(folder):
    return not any(alive(pid) for file in folder.glob("*.pids") for pid in pids(file))


@contextmanager
def sleepers(folder):
    """A supervisor in a process of its own, with both its children up."""
    process = subprocess.Popen(
        leashed(sys.executable, str(HERE / "sleepers.py"), str(folder)),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(lambda: noted(folder, "one") and noted(folder, "two"))
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=10)


def seen(folder, children, what, **more):
    """Run the children until `what` is true of the supervisor."""
    house = Supervisor(children, folder, say=lambda line: None, **more)
    code = house.run(lambda: wait_for(lambda: what(house)) and None, stay=False)
    assert all_gone(folder)
    return house, code


# --- what must not happen


def test_no_orphans_when_the_supervisor_is_killed(tmp_path):
    with sleepers(tmp_path) as process:
        kill(process.pid)
        wait_for(lambda: all_gone(tmp_path), seconds=3)
    assert read_standings(tmp_path) == {}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_no_orphans_when_the_supervisor_is_asked_to_stop(number, tmp_path):
    with sleepers(tmp_path) as process:
        assert set(read_standings(tmp_path)) == {"one", "two"}
        process.send_signal(number)
        assert process.wait(5) == 0
        assert all_gone(tmp_path)
    assert read_standings(tmp_path) == {}


def test_no_orphans_when_main_fails(tmp_path):
    def main():
        wait_for(lambda: noted(tmp_path, "one"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Supervisor([child(tmp_path, "one")], tmp_path).run(main)
    assert all_gone(tmp_path)


def test_a_stubborn_child_and_what_it_started_are_killed(tmp_path):
    began = time.monotonic()
    seen(
        tmp_path,
        [child(tmp_path, "mule", STUBBORN, grace_s=0.5)],
        lambda house: len(noted(tmp_path, "mule")) == 2,
    )
    assert time.monotonic() - began < 10


def test_nothing_is_started_for_a_parent_that_is_gone(tmp_path):
    argv = [
        sys.executable,
        tied.__file__,
        "1",
        "15",
        sys.executable,
        "-c",
        f"open({str(tmp_path / 'x')!r}, 'w')",
    ]
    told = subprocess.run(argv, capture_output=True, text=True, start_new_session=True)
    assert told.returncode == 1
    assert "its parent is gone" in told.stderr
    assert not (tmp_path / "x").exists()


def test_two_supervisors_do_not_share_a_folder(tmp_path):
    with sleepers(tmp_path), pytest.raises(AlreadyUp, match="SEEDBED_STATE"):
        Supervisor([child(tmp_path, "three")], tmp_path).run()
    assert noted(tmp_path, "three") == []


def test_who_needs_another_does_not_start_before_it_answers(tmp_path):
    door = tmp_path / "door"
    first = child(tmp_path, "first", health=door.exists)
    second = child(tmp_path, "second", needs=("first",))

    def main():
        wait_for(lambda: noted(tmp_path, "first"))
        time.sleep(0.5)
        assert (house.standings["first"].state, noted(tmp_path, "second")) == (State.STARTING, [])
        door.touch()
        wait_for(lambda: noted(tmp_path, "second"))

    house = Supervisor([first, second], tmp_path)
    assert house.run(main, stay=False) == 0


# --- what must happen


def test_a_fallen_child_is_started_again_and_the_others_live_on(tmp_path):
    def main():
        wait_for(lambda: noted(tmp_path, "one") and noted(tmp_path, "two"))
        kill(noted(tmp_path, "one")[0])
        wait_for(lambda: len(noted(tmp_path, "one")) == 2)
        wait_for(lambda: house.standings["one"].state is State.READY)
        assert alive(noted(tmp_path, "two")[0])

    said = []
    house = Supervisor([child(tmp_path, "one"), child(tmp_path, "two")], tmp_path, say=said.append)
    assert house.run(main, stay=False) == 0
    assert len(noted(tmp_path, "two")) == 1
    assert said == [f"one: restarting: was killed by SIGKILL (see {tmp_path}/logs/one.log)"]


def test_a_needed_child_that_never_starts_ends_it_all(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "FALLS_BEFORE_READY", 2)
    said = []
    children = [child(tmp_path, "one"), child(tmp_path, "bad", DYING, health=lambda: False)]
    assert Supervisor(children, tmp_path, say=said.append).run() == 1
    assert all_gone(tmp_path)
    assert said[-1] == f"bad: failed: ended with exit code 3 (see {tmp_path}/logs/bad.log)"
    assert (tmp_path / "logs/bad.log").read_text() == "no luck\nno luck\n"


def test_an_optional_child_that_never_starts_is_reported_and_left(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "FALLS_BEFORE_READY", 2)
    children = [child(tmp_path, "one"), child(tmp_path, "bad", DYING, health=lambda: False, optional=True)]
    told = {}

    def main():
        told["standing"] = house.wait("bad", 20)
        told["one"] = alive(noted(tmp_path, "one")[0])

    house = Supervisor(children, tmp_path)
    assert house.run(main, stay=False) == 0
    assert (told["standing"].state, told["one"]) == (State.FAILED, True)
    assert told["standing"].reason.startswith("ended with exit code 3")


def unhealthy():
    raise Unhealthy("a stranger answers there")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"health": lambda: False, "boot_timeout_s": 0.5}, "did not answer within 0.5 s"),
        ({"health": unhealthy}, "a stranger answers there"),
    ],
)
def test_why_a_child_is_not_ready_is_told(more, reason, tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "FALLS_BEFORE_READY", 1)
    bad = child(tmp_path, "bad", optional=True, **more)
    house, _ = seen(tmp_path, [bad], lambda house: house.standings["bad"].state is State.FAILED)
    assert house.standings["bad"].reason.startswith(reason)


def test_a_program_that_does_not_exist_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "FALLS_BEFORE_READY", 1)
    bad = Child("bad", ["/no/such/program"], health=lambda: False, optional=True)
    seen(tmp_path, [bad], lambda house: house.standings["bad"].state is State.FAILED)
    assert "/no/such/program cannot be started" in (tmp_path / "logs/bad.log").read_text()


def test_pages_can_read_how_all_stand(tmp_path):
    read = {}

    def look(house):
        read.update(read_standings(tmp_path))
        return house.standings["one"].state is State.READY

    seen(tmp_path, [child(tmp_path, "one")], look, missing={"label-studio": "it is not installed"})
    assert read["label-studio"].reason == "it is not installed"
    assert read["label-studio"].state is State.FAILED
    assert read["one"].since


def test_a_status_that_nobody_keeps_any_more_is_ignored(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / "status.json").write_text(json.dumps({"pid": gone.pid, "children": {}}))
    assert read_standings(tmp_path) == {}


def test_main_leaves_the_children_up_when_it_is_to_stay(tmp_path):
    def main():
        wait_for(lambda: noted(tmp_path, "one"))
        threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM)).start()

    began = time.monotonic()
    assert Supervisor([child(tmp_path, "one")], tmp_path).run(main) == 0
    assert time.monotonic() - began > 1
    assert all_gone(tmp_path)


def test_an_interrupted_main_is_told_to_stop(tmp_path):
    told = []

    def main():
        os.kill(os.getpid(), signal.SIGINT)
        told.append(house.stopping.wait(5))

    house = Supervisor([child(tmp_path, "one")], tmp_path)
    house.run(main)
    assert told == [True]


def test_a_log_does_not_grow_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "LOG_BYTES", 2000)
    talker = "import os, time; [os.write(1, b'\\xff line %d\\n' % n) for n in range(1000)]; time.sleep(60)"
    last = tmp_path / "logs/talker.log"
    seen(
        tmp_path,
        [child(tmp_path, "talker", talker)],
        lambda house: last.exists() and "line 999\n" in last.read_text(),
    )
    sizes = [log.stat().st_size for log in (tmp_path / "logs").iterdir()]
    assert len(sizes) == 3
    assert max(sizes) <= 2000
