"""The embedded Label Studio: its folder, its secrets, and how to start it.

It runs in a virtual environment of its own, sees an environment that is written here word by word, listens on
loopback only and calls no other host.  Starting, watching and stopping it is the supervisor's work.
"""

import contextlib
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from labeling.label_studio import pulse

ADMIN_EMAIL = "seedbed@localhost"  # our own account there: owns the projects, holds the token
LAUNCHER = Path(__file__).resolve().parent / "launcher" / "seedbed_launch.py"
HOST = "127.0.0.1"
FIRST_BOOT_TIMEOUT_S = 300  # migrations take 37 s of CPU; two minutes of wall time on a busy machine
BOOT_TIMEOUT_S = 90

SILENCE = {
    "LABEL_STUDIO_COLLECT_ANALYTICS": "false",
    "LABEL_STUDIO_LATEST_VERSION_CHECK": "false",
    "LABEL_STUDIO_SENTRY_DSN": "",
    "LABEL_STUDIO_FRONTEND_SENTRY_DSN": "",
    "LABEL_STUDIO_FEATURE_FLAGS_OFFLINE": "true",
}
MANNERS = {
    "LABEL_STUDIO_LOG_LEVEL": "WARNING",
    "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
    "LABEL_STUDIO_CORS_ALLOW_ALL_ORIGINS": "false",
    "LABEL_STUDIO_TASK_LOCK_TTL": "3600",  # an abandoned task returns to the queue after an hour, not a day
    # 1,000 predictions into a full project: 0.8 s of CPU, not 8. It skips their check: config.py checks them.
    "fflag_fix_back_4620_memory_efficient_predictions_import_08012025_short": "true",
}
INHERITED = ("PATH", "LANG", "TMPDIR")  # Label Studio reads bare names such as CI, DEBUG and SECRET_KEY


class ServerTrouble(Exception):
    """The embedded server cannot start or is not ours; the message is a sentence for a person."""


@dataclass(frozen=True)
class Secrets:
    """What the embedded server is protected by; made once, kept in a file that only its owner reads."""

    token: str  # 40 hex digits: the API key of ADMIN_EMAIL
    password: str  # of ADMIN_EMAIL, for a person who signs in there directly
    shared_key: str  # signs the one-time links


@dataclass(frozen=True)
class ServerSpec:
    """How to start the embedded server and how to see that it is up."""

    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: Path
    url: str
    health: str
    boot_timeout_s: int


def read_secrets(folder: Path) -> Secrets | None:
    """Return the secrets of the server that lives in `folder`, or None before its first start."""
    file = folder / "secrets.json"
    return Secrets(**json.loads(file.read_text())) if file.exists() else None


def make_secrets(folder: Path) -> Secrets:
    """Return the secrets of the server in `folder`; the first call makes them."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = Secrets(secrets.token_hex(20), secrets.token_urlsafe(12), secrets.token_urlsafe(32))
    draft = folder / f"secrets.{os.getpid()}"
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(asdict(new), out)
    with contextlib.suppress(FileExistsError):  # made before, or by another process just now: those count
        os.link(draft, folder / "secrets.json")
    draft.unlink()
    made = read_secrets(folder)
    assert made is not None
    return made


def child_spec(folder: Path, media_root: Path, port: int, python: Path) -> ServerSpec:
    """Prepare the embedded server in `folder` and return how to start it.

    `python` is the interpreter of the environment that holds Label Studio.  `media_root` is the one folder
    whose sub-folders it may serve: it must hold pictures and nothing else.
    """
    keys = make_secrets(folder)
    home = folder / "home"
    first = not (folder / "data" / "label_studio.sqlite3").exists()
    for made in (folder / "data", home):
        made.mkdir(exist_ok=True, mode=0o700)
    argv = [str(python), str(LAUNCHER), "start", "--no-browser", "--internal-host", HOST, "--port", str(port)]
    url = f"http://{HOST}:{port}"
    return ServerSpec(
        argv=(*argv, "--enable-legacy-api-token"),
        env=_environment(folder, media_root, keys),
        cwd=home,  # empty: a folder named "mydata" in the working directory would change what is served
        url=url,
        health=f"{url}/health",
        boot_timeout_s=FIRST_BOOT_TIMEOUT_S if first else BOOT_TIMEOUT_S,
    )


def _environment(folder: Path, media_root: Path, keys: Secrets) -> dict[str, str]:
    """Return the whole environment of the server; nothing of ours leaks into it.

    LABEL_STUDIO_HOST stays unset on purpose: its pages then use paths relative to whatever address the
    browser came by, so an SSH tunnel with another port works.  Secrets go by environment: `ps` shows
    arguments to everybody.
    """
    return {
        **{name: os.environ[name] for name in INHERITED if name in os.environ},
        "HOME": str(folder / "home"),
        "GIT_DIR": os.devnull,  # else its version page shows the last commit of the repository around it
        "PYTHONUNBUFFERED": "1",
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder / "data"),
        "LABEL_STUDIO_USERNAME": ADMIN_EMAIL,
        "LABEL_STUDIO_PASSWORD": keys.password,
        "LABEL_STUDIO_USER_TOKEN": keys.token,
        "SEEDBED_SHARED_KEY": keys.shared_key,
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(media_root),
        **SILENCE,
        **MANNERS,
    }


def require_identity(url: str, token: str) -> None:
    """Raise ServerTrouble unless the server at `url` knows our account by our token."""
    email = pulse.whoami(url, token)
    if email != ADMIN_EMAIL:
        raise ServerTrouble(
            f"What answers at {url} is not our Label Studio: it does not know our token. Either another "
            "server took the port, or its data folder and its secrets.json do not belong together."
        )
