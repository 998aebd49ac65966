"""Rows that worker processes can see."""

from collections.abc import Iterator

import pytest
from django.db import connection

from workbench.ledger.models import Job


@pytest.fixture
def transactional_db(django_db_setup: None, django_db_blocker: object) -> Iterator[None]:
    """The test database with really committed rows; afterwards the ledger alone is emptied.

    pytest-django's fixture of this name would empty all tables, and with them what migrations wrote.
    """
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        yield
        Job.objects.all().delete()
        connection.close()
