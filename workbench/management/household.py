"""The processes that make up a running Seedbed: what `up` and `demo` hand to the supervisor."""

import os
import socket
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from django.conf import settings

from labeling.label_studio import pulse, server
from workbench import bootstrap
from workbench.supervisor import Child, Unhealthy

HOST = "127.0.0.1"
LABEL_STUDIO = "label-studio"
WEB_URL = f"http://{HOST}:{settings.PORT}/"


class PortTaken(Exception):
    """Somebody listens there already; the message is a sentence for a person."""


@dataclass(frozen=True)
class Household:
    children: list[Child]
    missing: dict[str, str]  # who cannot be started, and why


def assemble(*, label_studio: bool = True) -> Household:
    """Return the children in the order of their start.

    Raises PortTaken.  Label Studio is left out when settings name one that runs elsewhere, and is missing
    when it is not installed.
    """
    _require_free(settings.PORT, "SEEDBED_PORT")
    children = [_web(), *_workers(), _command("tick", "tick")]
    missing: dict[str, str] = {}
    if label_studio and not settings.LABEL_STUDIO_URL:
        installed = (
            bootstrap.LABEL_STUDIO_VENV / "bin/label-studio"
        )  # python alone: an install that broke off
        if installed.exists():
            children.append(_label_studio(installed.with_name("python")))
        else:
            missing[LABEL_STUDIO] = f"it is not installed: {installed} does not exist"
    return Household(children, missing)


def _require_free(port: int, variable: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no owner
        try:
            probe.bind((HOST, port))
        except OSError as trouble:
            raise PortTaken(
                f"Port {port} of {HOST} is not free ({trouble.strerror}). Stop what listens there, or choose"
                f" another port with {variable}."
            ) from None


def _environment() -> dict[str, str]:
    """Where there is a GPU the first worker serves it, so trainings go to its queue."""
    queue = {"SEEDBED_TRAIN_QUEUE": "gpu"} if bootstrap.has_nvidia_driver() else {}
    return {**queue, **os.environ, "DJANGO_SETTINGS_MODULE": "workbench.settings"}


def _web() -> Child:
    uvicorn = [sys.executable, "-m", "uvicorn", "workbench.asgi:application", "--host", HOST]
    # live pages hold their streams open: without the time-out a stop would wait for every open browser tab
    options = ["--port", str(settings.PORT), "--timeout-graceful-shutdown", "5", "--no-access-log"]
    return Child(
        "web",
        [*uvicorn, *options],
        # glibc's arenas, one a thread, would else keep 20 MB that nothing uses
        env={"MALLOC_ARENA_MAX": "2", **_environment()},
        cwd=settings.BASE_DIR,
        health=_web_answers,
    )


def _web_answers() -> bool:
    try:
        with urlopen(f"{WEB_URL}healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except HTTPError as refusal:
        raise Unhealthy(f"answers {refusal.code} where it should say that it is well") from None
    except OSError:
        return False


def _workers() -> list[Child]:
    first = "gpu,cpu" if bootstrap.has_nvidia_driver() else "cpu"
    return [
        _command("worker-1", "worker", "--queues", first, "--name", "worker-1"),
        _command("worker-2", "worker", "--queues", "cpu", "--name", "worker-2"),
    ]


def _command(name: str, *argv: str) -> Child:
    return Child(
        name,
        [sys.executable, str(settings.BASE_DIR / "manage.py"), *argv],
        env=_environment(),
        cwd=settings.BASE_DIR,
        needs=("web",),  # pages first: on a small machine everything else slows their start
    )


def _label_studio(python: Path) -> Child:
    _require_free(settings.LABEL_STUDIO_PORT, "SEEDBED_LABEL_STUDIO_PORT")
    folder = settings.LABEL_STUDIO_DIR
    spec = server.child_spec(folder, settings.MEDIA_ROOT, settings.LABEL_STUDIO_PORT, python)
    token = server.make_secrets(folder).token
    return Child(
        LABEL_STUDIO,
        spec.argv,
        env=spec.env,
        cwd=spec.cwd,
        health=partial(_label_studio_answers, spec.url, token),
        needs=("web",),
        boot_timeout_s=spec.boot_timeout_s,
        optional=True,
    )


def _label_studio_answers(url: str, token: str) -> bool:
    """Whether it is up and ours: where its port was taken at the last moment, it silently chose another."""
    try:
        if not pulse.alive(url):
            return False
        server.require_identity(url, token)
    except server.ServerTrouble as trouble:
        raise Unhealthy(str(trouble)) from None
    except pulse.NoPulse:
        return False
    return True
