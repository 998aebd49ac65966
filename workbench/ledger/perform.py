"""The child process that does one job: `python -m workbench.ledger.perform JOB_ID FD`.

It reads the job's row but writes nothing to it: what it has to say goes as messages to the file descriptor,
and its worker, who holds the lease, writes.  SIGTERM makes the next report raise Cancelled.
"""

import os
import signal
import sys
import traceback
from dataclasses import asdict
from types import FrameType

import django

from labeling.progress import Cancelled, Progress
from workbench.ledger import messages, resources

ERROR_CHARS = 1000  # the row wants a sentence; the whole traceback stands in the tail


class Reporter:
    """The `report` of a job function."""

    def __init__(self, outbox: int) -> None:
        self._outbox = outbox
        self._stopping = False
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def send(self, **message: object) -> None:
        line = messages.encode(**message)
        while line:
            line = line[os.write(self._outbox, line) :]

    def __call__(self, progress: Progress) -> None:
        self.send(progress=asdict(progress), gpu_mib=resources.gpu_mib())
        if self._stopping:
            raise Cancelled


def perform(job_id: str, reporter: Reporter) -> int:
    """Do the job and send how it ended; the exit code."""
    from workbench.ledger import catalog  # they need the settings: after django.setup()
    from workbench.ledger.models import Job

    try:
        job = Job.objects.get(pk=job_id)
        result = catalog.find(job.work)(reporter, **job.params)
        reporter.send(done=True, result=result)
    except Cancelled:
        reporter.send(cancelled=True)
    except Exception as error:
        traceback.print_exc()
        reporter.send(error=f"{type(error).__name__}: {error}"[:ERROR_CHARS])
        return 1
    return 0


if __name__ == "__main__":
    outbox = int(sys.argv[2])
    os.set_inheritable(outbox, False)  # what the work starts shall not hold our pipe open
    reporter = Reporter(outbox)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
    django.setup()
    sys.exit(perform(sys.argv[1], reporter))
