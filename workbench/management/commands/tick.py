"""`manage.py tick`: what has to happen by the clock.  Any number of them may run at once."""

import logging
import signal
import threading
import time

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from workbench.ledger.models import Job
from workbench.services import (
    follow_up,
    inspecting,
    ordering,
    retraining,
    reviewing,
    settling,
    upkeep,
    versions,
)

PERIOD_S = 1.0
logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Gives lost jobs back, closes runs whose job has ended, retrains by the rules, looks at Label Studio."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="do it all one time")

    def handle(self, *, once: bool, **options: object) -> None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        next_poll = time.monotonic()
        while not stopping.is_set():
            self._settle()
            if time.monotonic() >= next_poll:
                upkeep.poll_label_studio(timezone.now())
                next_poll = time.monotonic() + settings.SYNC_SECONDS
            if once:
                return
            stopping.wait(PERIOD_S)

    def _settle(self) -> None:
        now = timezone.now()
        reaped = Job.objects.reap(now)
        if any(reaped):
            logger.warning("lost leases: %d jobs queued again, %d failed, %d cancelled", *reaped)
        upkeep.settle_runs(now)
        follow_up.follow_up(now)
        settling.settle_after_folds(now)
        reviewing.search_after_folds(now)
        inspecting.inspect_after_imports(now)
        retraining.consider(now)
        versions.tend(now)
        ordering.tend(now)
