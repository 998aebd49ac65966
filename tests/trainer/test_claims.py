from datetime import timedelta

import pytest

from trainer.models import CellClaim
from trainer.services import claims

pytestmark = pytest.mark.django_db

LATER = claims.LEASE + timedelta(seconds=1)


def test_a_claimed_cell_is_nobody_elses(now):
    assert claims.take("cell", "one", now)
    assert not claims.take("cell", "two", now + claims.LEASE / 2)
    assert claims.take("another", "two", now)


def test_a_worker_that_comes_back_has_its_own_claim(now):
    assert claims.take("cell", "one", now)
    assert claims.take("cell", "one", now)
    assert CellClaim.objects.count() == 1


def test_a_claim_that_was_not_renewed_is_anybodys(now):
    claims.take("cell", "one", now)
    assert claims.take("cell", "two", now + LATER)
    assert not claims.renew("cell", "one", now + LATER)


def test_a_renewed_claim_holds(now):
    claims.take("cell", "one", now)
    assert claims.renew("cell", "one", now + claims.LEASE / 2)
    assert not claims.take("cell", "two", now + LATER)


def test_only_the_holder_gives_a_claim_back(now):
    claims.take("cell", "one", now)
    claims.release("cell", "two")
    assert not claims.take("cell", "two", now)
    claims.release("cell", "one")
    assert claims.take("cell", "two", now)
