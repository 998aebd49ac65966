"""The real web process on a state folder of its own."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.leash import leashed
from tests.workbench.web_seed import PASSWORD

ROOT = Path(__file__).resolve().parents[2]
LIMITS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Served:
    url: str
    pid: int
    env: dict[str, str]


def environment(state: Path) -> dict[str, str]:
    """The product's own settings, on SQLite whatever the tests run on: this state folder is whole."""
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "CI")}
    ours = {
        "SEEDBED_STATE": str(state),
        "DJANGO_SETTINGS_MODULE": "workbench.settings",
        "PYTHONPATH": str(ROOT),
    }
    return {**kept, **ours, **LIMITS}


@contextmanager
def process(*argv: str, env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        child = subprocess.Popen(leashed(sys.executable, *argv), cwd=ROOT, env=env, stdout=out, stderr=out)
    try:
        yield child
    finally:
        child.terminate()
        child.wait(30)
        print(log.read_text())  # pytest shows it where a test fails


@contextmanager
def served(state: Path) -> Iterator[Served]:
    env = environment(state)
    subprocess.run([sys.executable, "-m", "tests.workbench.web_seed"], cwd=ROOT, env=env, check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = ("-m", "uvicorn", "workbench.asgi:application", "--port", str(port), "--log-level", "warning")
    quick = ("--timeout-graceful-shutdown", "1")
    with process(*argv, *quick, env=env, log=state / "web.log") as web:
        url = f"http://127.0.0.1:{port}"
        wait_until_up(url)
        yield Served(url, web.pid, env)


def wait_until_up(url: str, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if httpx.get(f"{url}/healthz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError(f"nothing answers at {url}")


@contextmanager
def signed_in(url: str, username: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=30) as browser:
        form = browser.get("/sign-in").text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        assert token is not None
        sent = {"username": username, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
        assert browser.post("/sign-in", data=sent).status_code == 302
        yield browser
