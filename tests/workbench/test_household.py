"""Which processes make up a running product, and `manage.py up` with all but Label Studio."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.leash import leashed
from tests.workbench.processes import ROOT, alive, wait_for
from workbench import bootstrap
from workbench.management import household
from workbench.supervisor import State, read_standings

pytestmark = pytest.mark.usefixtures("heeded")


@pytest.fixture
def taken():
    with socket.socket() as owner:
        owner.bind((household.HOST, 0))
        owner.listen()
        yield owner.getsockname()[1]


@pytest.fixture
def free(taken):
    """Ports that nobody listens on: the settings point to them."""
    with socket.socket() as one, socket.socket() as other:
        one.bind((household.HOST, 0))
        other.bind((household.HOST, 0))
        return one.getsockname()[1], other.getsockname()[1]


@pytest.fixture
def house(settings, state, free, monkeypatch, tmp_path):
    """Settings for an assembly that finds its ports free and no GPU, and an installed Label Studio."""
    settings.PORT, settings.LABEL_STUDIO_PORT = free
    settings.LABEL_STUDIO_URL = ""
    settings.LABEL_STUDIO_DIR = state / "label-studio"
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(bootstrap, "LABEL_STUDIO_VENV", tmp_path / "venv")
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/bin/label-studio").symlink_to(sys.executable)
    return settings


def names(assembled):
    return [child.name for child in assembled.children]


# --- what must not happen


@pytest.mark.parametrize(
    ("setting", "variable"),
    [("PORT", "SEEDBED_PORT"), ("LABEL_STUDIO_PORT", "SEEDBED_LABEL_STUDIO_PORT")],
)
def test_a_taken_port_is_named_with_the_variable_that_changes_it(setting, variable, house, taken):
    setattr(house, setting, taken)
    with pytest.raises(household.PortTaken, match=rf"^Port {taken} of 127.0.0.1 is not free .*{variable}\.$"):
        household.assemble()


def test_a_label_studio_elsewhere_is_not_started_here(house, taken):
    house.LABEL_STUDIO_URL = "https://labels.example.org"
    house.LABEL_STUDIO_PORT = taken
    assembled = household.assemble()
    assert household.LABEL_STUDIO not in names(assembled)
    assert assembled.missing == {}


def test_a_missing_label_studio_leaves_the_rest(house, tmp_path):
    (tmp_path / "venv/bin/label-studio").unlink()
    assembled = household.assemble()
    assert names(assembled) == ["web", "worker-1", "worker-2", "tick"]
    assert "is not installed" in assembled.missing[household.LABEL_STUDIO]


def test_up_on_a_taken_port_is_one_sentence(tmp_path, taken):
    told = up(tmp_path, taken).communicate(timeout=60)[0]
    assert told.startswith(f"CommandError: Port {taken} of 127.0.0.1 is not free")
    assert told.count("\n") == 1


# --- what must happen


def test_all_children(house):
    assembled = household.assemble()
    assert names(assembled) == ["web", "worker-1", "worker-2", "tick", "label-studio"]
    assert [child.name for child in assembled.children if child.optional] == ["label-studio"]
    assert all("gpu" not in child.argv for child in assembled.children)


def test_a_gpu_gets_the_first_worker_and_the_trainings(house, tmp_path):
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    web, first, second, *_ = household.assemble().children
    assert web.env["SEEDBED_TRAIN_QUEUE"] == "gpu"
    assert "gpu,cpu" in first.argv
    assert "gpu,cpu" not in second.argv


def up(folder: Path, port: int) -> "subprocess.Popen[str]":
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    own = {
        "SEEDBED_STATE": str(folder),
        "SEEDBED_PORT": str(port),
        "DJANGO_SETTINGS_MODULE": "workbench.settings",
    }
    return subprocess.Popen(
        leashed(sys.executable, str(ROOT / "manage.py"), "up", "--no-label-studio"),
        env={**inherited, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_up_serves_pages_and_work_until_ctrl_c(tmp_path, free):
    process = up(tmp_path, free[0])
    wait_for(lambda: {s.state for s in read_standings(tmp_path).values()} == {State.READY})
    with urlopen(f"http://127.0.0.1:{free[0]}/healthz", timeout=10) as answer:
        assert answer.status == 200
    children = children_of(process.pid)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert re.search(r"Seedbed is up: http://127.0.0.1:\d+/.*\n  sign in as admin, password \S{12}\n", told)
    assert len(children) == 4
    assert not any(map(alive, children))
