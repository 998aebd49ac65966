"""A real Label Studio, started once per run from a migrated database that is kept between runs."""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from labeling.label_studio import accounts, pulse, server
from labeling.label_studio.client import Studio
from tests.leash import leashed

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv-label-studio" / "bin" / "python"
CACHE = ROOT / "var" / "test-cache" / "label-studio-1.23.2"
# What a parent may well have set, and what would crash or expose a Label Studio that inherited it.
HOSTILE = {
    "DJANGO_SETTINGS_MODULE": "workbench.settings",
    "CI": "woodpecker",
    "DEBUG": "verbose",
    "SECRET_KEY": "ours",
    "HOST": "https://example.org",
    "LABEL_STUDIO_SENTRY_DSN": "https://key@sentry.example.org/1",
}
# Refuses every way out but loopback, and writes down who tried.
WATCH = """
import os, sys
def watch(event, args):
    if event not in ("socket.connect", "socket.getaddrinfo"):
        return
    host = args[1][0] if event == "socket.connect" and isinstance(args[1], tuple) else args[0]
    if isinstance(host, str) and host not in ("127.0.0.1", "localhost", "::1", "0.0.0.0", ""):
        with open(os.environ["SEEDBED_WATCH"], "a") as log:
            log.write(f"{event} {host}\\n")
        raise OSError(f"{host} is out of bounds")
sys.addaudithook(watch)
"""


@dataclass
class Running:
    """A Label Studio process of the tests."""

    folder: Path
    media: Path
    spec: server.ServerSpec
    keys: server.Secrets
    process: subprocess.Popen[bytes]
    watch: Path  # the hosts that it tried to reach

    @property
    def url(self) -> str:
        return self.spec.url

    def execute(self, statement: str, *values: object) -> None:
        """Write into its database past it."""
        with contextlib.closing(sqlite3.connect(self.folder / "data" / "label_studio.sqlite3")) as rows:
            rows.execute(statement, values)
            rows.commit()

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(20)

    def start(self) -> None:
        """Start it, again after a stop, and wait until it answers as ours."""
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                leashed(*self.spec.argv),
                env=self.spec.env,
                cwd=self.spec.cwd,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + self.spec.boot_timeout_s
        while not pulse.alive(self.url):
            assert self.process.poll() is None, (self.folder / "log").read_text()[-3000:]
            assert time.monotonic() < deadline, "Label Studio does not come up"
            time.sleep(0.2)
        server.require_identity(self.url, self.keys.token)


def template() -> Path:
    """Return a migrated database without accounts or secrets; the first call makes it (37 s of CPU)."""
    CACHE.mkdir(parents=True, exist_ok=True)
    made = CACHE / "label_studio.sqlite3"
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second run waits for the first one's
        if not made.exists():
            draft = CACHE / "draft"
            shutil.rmtree(draft, ignore_errors=True)
            (draft / "media").mkdir(parents=True)
            spec = server.child_spec(draft / "server", draft / "media", 1, PYTHON)
            env = {
                k: v
                for k, v in spec.env.items()
                if not k.startswith("LABEL_STUDIO_U") and "PASSWORD" not in k
            }
            subprocess.run(
                [*spec.argv[:2], "init", "--quiet"], env=env, cwd=spec.cwd, check=True, capture_output=True
            )
            database = draft / "server" / "data" / "label_studio.sqlite3"
            with contextlib.closing(sqlite3.connect(database)) as rows:
                rows.execute("pragma journal_mode = delete")  # all of it in the one file that is kept
            os.replace(database, made)
            shutil.rmtree(draft)
    with contextlib.closing(sqlite3.connect(made)) as rows:
        for table in ("htx_user", "authtoken_token", "organization"):
            assert rows.execute(f"select count(*) from {table}").fetchone() == (0,)
    return made


def prepare(folder: Path, port: int) -> Running:
    """Return a server that stands ready in `folder`, not yet started."""
    media, watch = folder / "media", folder / "watch"
    for made in (media / "pictures", watch):
        made.mkdir(parents=True)
    (watch / "sitecustomize.py").write_text(WATCH)
    with pytest.MonkeyPatch.context() as parent:
        for name, value in HOSTILE.items():
            parent.setenv(name, value)
        spec = server.child_spec(folder / "server", media, port, PYTHON)
    spec.env.update(PYTHONPATH=str(watch), SEEDBED_WATCH=str(watch / "log"))
    shutil.copy(template(), folder / "server" / "data")
    keys = server.make_secrets(folder / "server")
    return Running(folder / "server", media, spec, keys, None, watch / "log")  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def label_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A Label Studio of this test run; tests leave it running and their projects to themselves."""
    if not PYTHON.exists():
        message = f"{PYTHON} is missing: `python3 manage.py test` installs Label Studio"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = prepare(tmp_path_factory.mktemp("label-studio"), port)
    running.start()
    yield running
    running.stop()
    assert not running.watch.exists(), f"Label Studio called out: {running.watch.read_text()}"


@pytest.fixture
def studio(label_studio: Running) -> Iterator[Studio]:
    with Studio(label_studio.url, label_studio.keys.token, embedded=True) as made:
        yield made


@pytest.fixture(scope="session")
def crew(label_studio: Running) -> dict[str, str]:
    """Three annotators' accounts: token by e-mail address."""
    emails = [f"ann{number}@example.org" for number in (1, 2, 3)]
    keys = label_studio.keys
    return {e: accounts.create_account(label_studio.url, keys.token, e, "a-long-password") for e in emails}


@pytest.fixture(scope="session")
def people(label_studio: Running, crew: dict[str, str]) -> Iterator[dict[str, accounts.Session]]:
    """The annotators at work, by the part of their address before the @."""
    sessions = {e.split("@")[0]: accounts.Session(label_studio.url, token) for e, token in crew.items()}
    yield sessions
    for session in sessions.values():
        session.close()


@pytest.fixture(scope="session")
def admin(label_studio: Running) -> Iterator[httpx.Client]:
    """Whoever works in Label Studio past us."""
    headers = pulse.authorization(label_studio.url, label_studio.keys.token)
    with httpx.Client(base_url=label_studio.url, headers=headers, timeout=60) as made:
        yield made
