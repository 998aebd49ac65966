"""`manage.py worker`: takes jobs from the ledger, one at a time."""

import os
import signal
import socket
import threading

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from workbench.ledger import runner
from workbench.ledger.models import Job
from workbench.services import upkeep

POLL_S = 0.4  # an idle look costs well under a millisecond: see LOG.md


class Command(BaseCommand):
    help = "Takes jobs from the ledger, one at a time, until SIGTERM; the job in hand then goes back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--queues", default="cpu", help="comma-separated; default: cpu")
        parser.add_argument("--name", default=f"{socket.gethostname()}-{os.getpid()}")

    def handle(self, *, queues: str, name: str, **options: object) -> None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        while not stopping.is_set():
            job = Job.objects.ready(queues.split(","), timezone.now()).first()
            if job is None:
                stopping.wait(POLL_S)
                continue
            state = runner.run_job(job.pk, name, stopping=stopping.is_set)
            if state is not None:
                self.stdout.write(f"{job.title}: {state}")
                upkeep.settle_runs(timezone.now())
