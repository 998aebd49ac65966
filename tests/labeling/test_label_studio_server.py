"""The embedded server: what it may see, whom it listens to, whom it calls, and the routes of its launcher."""

import os
import re
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from labeling.label_studio import links, server
from tests.label_studio_fixture import HOSTILE, Running, prepare

pytestmark = pytest.mark.label_studio
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def nobody(label_studio: Running):
    """A browser without any account."""
    with httpx.Client(base_url=label_studio.url) as browser:
        yield browser


def link(running: Running, *, email="new@example.org", project=7, nonce=None, now=None, key=None):
    made = links.open_url(
        key or running.keys.shared_key,
        running.url,
        email,
        project,
        now or datetime.now(UTC),
        nonce or os.urandom(8).hex(),
    )
    return made.removeprefix(running.url)


def test_nothing_of_the_parents_environment_gets_in(label_studio):
    inside = Path(f"/proc/{label_studio.process.pid}/environ").read_bytes().decode().split("\0")
    assert not {f"{name}={value}" for name, value in HOSTILE.items()} & set(inside)
    names = {line.partition("=")[0] for line in inside if line}
    foreign = {n for n in names if not n.startswith("LABEL_STUDIO_")} - {"PATH", "LANG", "TMPDIR", "HOME"}
    assert foreign == {
        *("GIT_DIR", "PYTHONUNBUFFERED", "SEEDBED_SHARED_KEY", "PYTHONPATH", "SEEDBED_WATCH"),
        "fflag_fix_back_4620_memory_efficient_predictions_import_08012025_short",
    }


def test_no_secret_stands_in_the_arguments(label_studio):
    shown = Path(f"/proc/{label_studio.process.pid}/cmdline").read_text()
    assert not [s for s in vars(label_studio.keys).values() if s in shown]


def test_secrets_are_for_their_owner_alone_and_stay(tmp_path):
    made = server.make_secrets(tmp_path / "new")
    file = tmp_path / "new" / "secrets.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert re.fullmatch("[0-9a-f]{40}", made.token)
    assert server.make_secrets(tmp_path / "new") == made == server.read_secrets(tmp_path / "new")
    assert [f.name for f in file.parent.iterdir()] == ["secrets.json"]


def test_there_are_no_secrets_before_the_first_start(tmp_path):
    assert server.read_secrets(tmp_path) is None


def test_secrets_of_two_servers_differ(tmp_path):
    one, other = (server.make_secrets(tmp_path / name) for name in ("one", "other"))
    assert not set(vars(one).values()) & set(vars(other).values())


def test_it_listens_on_loopback_only(label_studio):
    port = int(label_studio.url.rpartition(":")[2])
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    hosts = {
        row[1].split(":")[0] for row in listening if row[3] == "0A" and int(row[1].split(":")[1], 16) == port
    }
    assert hosts == {"0100007F"}


def test_on_a_busy_port_it_ends_and_takes_no_other(label_studio, tmp_path):
    port = int(label_studio.url.rpartition(":")[2])
    second = prepare(tmp_path, port)
    done = subprocess.run(
        second.spec.argv,
        env=second.spec.env,
        cwd=second.spec.cwd,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode != 0
    assert "port is already in use" in done.stderr
    assert str(port + 1) not in done.stdout


def test_a_server_that_does_not_know_our_token_is_not_ours(label_studio):
    with pytest.raises(server.ServerTrouble, match="does not know our token"):
        server.require_identity(label_studio.url, "0" * 40)


def test_it_called_nobody(label_studio, nobody):
    nobody.get("/user/login/").raise_for_status()
    assert nobody.get("/heidi-tips/").status_code == 404  # theirs would fetch texts from another host
    assert not label_studio.watch.exists()


def test_its_pages_load_nothing_from_elsewhere(nobody):
    page = nobody.get("/user/login/").text
    assert not re.findall(r'(?:src|href)="(?:https?:)?//(?!127\.0\.0\.1)[^"]*\.(?:js|css)[^"]*"', page)
    assert "sentry" not in page.lower()
    assert "googletagmanager" not in page


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "169.254.169.254"])
def test_it_calls_no_address_inside_the_network(admin, host):
    answer = admin.post("/api/webhooks/", json={"url": f"http://{host}:9/"})
    assert (answer.status_code, "reserved network" in answer.text) == (403, True), answer.text


def test_strangers_get_no_account_without_an_invitation(nobody):
    nobody.get("/user/signup/").raise_for_status()
    form = {"email": "x@example.org", "password": "a-long-password"}
    csrf = {"csrfmiddlewaretoken": nobody.cookies["csrftoken"]}
    assert nobody.post("/user/signup/", data=form | csrf).status_code == 403


@pytest.mark.parametrize("path", ["/api/projects/", "/data/local-files/?d=pictures/a.png", "/api/users/"])
def test_strangers_get_nothing(nobody, path):
    assert nobody.get(path).status_code == 401


def test_the_link_signs_in_once_and_lands_in_the_queue(label_studio, nobody):
    path = link(label_studio, email="New@Example.org")
    page = nobody.get(path)
    assert 'localStorage.setItem("dm:labelstream:mode", "all")' in page.text
    assert 'location.replace("/projects/7/data?labeling=1")' in page.text
    assert nobody.get("/api/current-user/whoami").json()["email"] == "new@example.org"
    assert "no-store" in page.headers["Cache-Control"]
    nobody.cookies.clear()
    again = nobody.get(path)
    assert (again.status_code, again.text) == (403, "This link was used already. Go back and click again.")
    assert nobody.get("/api/current-user/whoami").status_code == 401


def test_a_link_opens_for_one_of_many_at_once(label_studio):
    address = label_studio.url + link(label_studio)
    with ThreadPoolExecutor(8) as pool:
        codes = sorted(pool.map(lambda _: httpx.get(address, timeout=30).status_code, range(8)))
    assert codes == [200, *[403] * 7]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda s: link(s, now=datetime.now(UTC) - timedelta(seconds=61)), "has expired"),
        (lambda s: link(s, now=datetime.now(UTC) + timedelta(seconds=61)), "has expired"),
        (lambda s: link(s, key="another key"), "not genuine"),
        (lambda s: link(s).replace("/open?t=", "/open?t=A"), "not genuine"),
        (lambda s: link(s)[:-3], "not genuine"),
        (lambda s: "/seedbed/open", "not genuine"),
        (lambda s: "/seedbed/open?t=...", "not genuine"),
        (lambda s: "/seedbed/open?t=%ff.%00", "not genuine"),
        (lambda s: "/seedbed/open?t=é.ü", "not genuine"),
        (lambda s: link(s, email=server.ADMIN_EMAIL), "with its password only"),
    ],
)
def test_other_links_open_nothing(label_studio, nobody, make, said):
    answer = nobody.get(make(label_studio))
    assert answer.status_code == 403
    assert said in answer.text
    assert nobody.get("/api/current-user/whoami").status_code == 401


def test_the_first_start_may_take_longer(tmp_path):
    first = server.child_spec(tmp_path / "s", tmp_path / "media", 1, Path("python"))
    (tmp_path / "s" / "data" / "label_studio.sqlite3").touch()
    later = server.child_spec(tmp_path / "s", tmp_path / "media", 1, Path("python"))
    assert (first.boot_timeout_s, later.boot_timeout_s) == (300, 90)


def test_a_project_without_launcher_has_a_plain_address():
    assert (
        links.project_url("https://labels.example.org/team/", 5)
        == "https://labels.example.org/team/projects/5/data"
    )
