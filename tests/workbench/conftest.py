"""What tests of pages and API lean on: rows of everything, and one person of each group."""

import importlib
import signal
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext

from tests.workbench import browsing, web_rows, web_server
from tests.workbench.web_rows import Rows
from tests.workbench.web_server import Served


@pytest.fixture
def rows(db: None, state: Path, now: datetime) -> Rows:
    return web_rows.make(state, now)


@pytest.fixture
def sign_in(db: None, settings: Any) -> Callable[[str], Client]:
    """Give the browser of a person of this group; "" is a stranger, "root" a superuser."""
    # It looks through all static files for each new browser; the real server's test asks for them.
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "servestatic" not in name]
    if not Group.objects.exists():  # a test that emptied all tables took what the migration wrote with it
        importlib.import_module("workbench.migrations.0002_groups").make_groups(apps, None)

    def browser(group: str, **options: bool) -> Client:
        client = Client(**options)
        if group:
            person = User.objects.create_user(group, f"{group}@example.org", is_superuser=group == "root")
            person.groups.set(Group.objects.filter(name=group))
            client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return browser


@pytest.fixture
def heeded() -> Iterator[None]:
    """Ctrl-C and a hang-up act as in a terminal, here and in children, however the tests were started."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The real web process, with people, a real dataset and a row of everything."""
    with web_server.served(tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.fixture(scope="module")
def visit(chromium: Browser, served: Served) -> Callable[..., tuple[BrowserContext, browsing.Watch]]:
    """Open a context that is signed in, and watch it."""
    known: dict[str, object] = {}

    def opened(who: str, **options: object) -> tuple[BrowserContext, browsing.Watch]:
        if who not in known:
            known[who] = browsing.storage(chromium, served.url, who)
        context = chromium.new_context(base_url=served.url, storage_state=known[who], **options)
        watch = browsing.Watch(served.url)
        watch.over(context)
        return context, watch

    return opened
