"""`manage.py run_job ID`: does one job here and now, whatever its queue."""

import os
import signal
import socket
import threading
import uuid

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from workbench.ledger import runner
from workbench.ledger.models import Job
from workbench.services import upkeep


class Command(BaseCommand):
    help = "Claims one queued job and does it in the foreground; Ctrl-C gives it back to its queue."
    _shown = ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", type=uuid.UUID)

    def handle(self, *, id: uuid.UUID, **options: object) -> None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        state = runner.run_job(
            id, f"{socket.gethostname()}-{os.getpid()}", stopping=stopping.is_set, watch=self._show
        )
        if state is None:
            raise CommandError(f"job {id} could not be claimed: it is unknown, running, ended or not due")
        upkeep.settle_runs(timezone.now())
        job = Job.objects.get(pk=id)
        if state == Job.State.FAILED:
            raise CommandError(f"{job.title}: {job.error}\n{job.tail}")
        self.stdout.write(f"{job.title}: {state}")

    def _show(self, progress: dict[str, object]) -> None:
        """One line for each step that is new."""
        line = "{stage}: {done} of {total}".format_map(
            {"stage": "starting", "done": 0, "total": "?", **progress}
        )
        if line != self._shown:
            self.stdout.write(line)
            self._shown = line
