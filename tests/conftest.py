"""What every test may lean on: a state folder of its own and small worlds with a known truth."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

pytest_plugins = ["tests.label_studio_fixture", "tests.side_by_side", "tests.time_limit"]

os.environ.setdefault("OMP_NUM_THREADS", "1")

DATABASE_FIXTURES = {"db", "committed", "transactional_db", "live_server", "client", "admin_client"}
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if DATABASE_FIXTURES & set(getattr(item, "fixturenames", ())) or item.get_closest_marker("django_db"):
            item.add_marker("database")


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def state(tmp_path: Path, settings: object) -> Path:
    """A state folder for one test: settings point into it."""
    settings.STATE_DIR = tmp_path  # type: ignore[attr-defined]
    settings.MEDIA_ROOT = tmp_path / "media"  # type: ignore[attr-defined]
    (tmp_path / "media").mkdir()
    return tmp_path


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data that the product never ships."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say(f"No real data at {folder}: this test was not run.")
    return folder


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say("No Chromium on PATH: the pages were not looked at in a browser.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()
