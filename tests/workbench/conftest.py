"""Rows that other processes can see."""

from collections.abc import Iterator

import pytest
from django.db import connection

from workbench.ledger.models import Job


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "job_rows" in getattr(item, "fixturenames", ()):
            item.add_marker("database")


@pytest.fixture
def job_rows(django_db_setup: None, django_db_blocker: object) -> Iterator[None]:
    """The ledger of the test database, really committed.

    Unlike transactional_db it empties the ledger alone: what migrations wrote stays for other tests.
    """
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        yield
        Job.objects.all().delete()
        connection.close()
