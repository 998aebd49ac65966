"""Who trains which cell: several workers share a curve, and none waits for one that died."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q

from trainer.models import CellClaim

LEASE = timedelta(seconds=90)  # a claim that is not renewed for so long is anybody's


def take(key: str, holder: str, now: datetime) -> bool:
    """Claim a cell; True where it is the holder's now: it was free, run out, or the holder's already."""
    free = Q(holder=holder) | Q(until__lt=now)
    if CellClaim.objects.filter(free, key=key).update(holder=holder, until=now + LEASE):
        return True
    try:
        with transaction.atomic():
            CellClaim.objects.create(key=key, holder=holder, until=now + LEASE)
    except IntegrityError:  # somebody else holds it
        return False
    return True


def renew(key: str, holder: str, now: datetime) -> bool:
    """Say that the holder still trains the cell; False if another one has taken it over."""
    return bool(CellClaim.objects.filter(key=key, holder=holder).update(until=now + LEASE))


def release(key: str, holder: str) -> None:
    """Give a cell back: it is trained, or the training was stopped."""
    CellClaim.objects.filter(key=key, holder=holder).delete()
