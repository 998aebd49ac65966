"""Does one job: claims it, starts the child, keeps the lease, passes progress on, obeys.

The same whoever carries the job's id here: a worker that polls, or a person at a terminal.
"""

import enum
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.utils import timezone

from workbench.ledger.child import Child
from workbench.ledger.models import Job

LOOK_S = 0.3  # between two looks at the row: with the child's grace, a cancel is over within 3 s
NEWS_S = 1.0  # progress goes to the row at most so often
MEASURE_S = 2.0  # what it uses goes there this often, news or not
BEATS = 6  # beats in one lease

Watch = Callable[[dict[str, object]], None]


class Order(enum.Enum):
    """Why a worker gives a job up before the work is over."""

    CANCEL = enum.auto()  # somebody asked for it on the row
    LEAVE = enum.auto()  # the worker has to go
    LOST = enum.auto()  # the lease ran out: the job is somebody else's


class Hold:
    """A claimed job in the hands of this process."""

    def __init__(self, job: Job, token: uuid.UUID, child: Child) -> None:
        self._job, self._token, self._child = job, token, child
        self._beaten = time.monotonic()
        self._told: tuple[object, str] = ({}, "")

    def follow(self, stopping: Callable[[], bool], watch: Watch) -> Order | None:
        """Stay with the work until it is over (None), or until there is a reason to end it."""
        while not self._child.ended():
            self._child.listen(LOOK_S)
            wish = Job.objects.held(self._token).values_list("cancel_requested", flat=True).first()
            if wish is None or not self._beat():
                return Order.LOST
            if wish or stopping():
                return Order.CANCEL if wish else Order.LEAVE
            watch(self._child.progress)
        return None

    def _beat(self) -> bool:
        """Lengthen the lease when it is time or when there is news."""
        quiet = time.monotonic() - self._beaten
        news = self._told != (self._child.progress, self._child.tail)
        longest = min(MEASURE_S, settings.LEASE.total_seconds() / BEATS)
        if quiet < longest and not (news and quiet >= NEWS_S):
            return True
        self._child.measure()
        return self.tell()

    def tell(self) -> bool:
        """Write what the work said and uses to the row; False when the lease is lost."""
        self._beaten = time.monotonic()
        self._told = self._child.progress, self._child.tail
        progress, tail = self._told
        child = self._child
        more = {"trail": child.trail, "resources": child.resources}
        return self._job.beat(self._token, timezone.now(), progress=progress, tail=tail, **more)

    def close(self, order: Order | None, leaving: bool) -> None:
        """Write how it ended; a result counts even when the wish to stop came just before it."""
        job, token, now = self._job, self._token, timezone.now()
        ending = self._child.ending
        if "done" in ending:
            job.finish(token, ending["result"], now)
        elif order is Order.CANCEL:
            job.cancel(token, now)
        elif leaving and "error" not in ending:
            job.release(token, now)
        elif self._child.shot:
            job.fail_or_repeat(token, self._child.why(), now)
        else:
            job.fail(token, self._child.why(), now)


def run_job(
    job_id: uuid.UUID | str,
    worker: str,
    *,
    stopping: Callable[[], bool] = lambda: False,
    watch: Watch = lambda progress: None,
) -> str | None:
    """Do the job in a child process; its state afterwards, or None when it was not or no longer ours.

    Call it in the main thread: the child dies with the thread that started it.  When `stopping` turns true
    the job goes back to its queue.
    """
    job = Job.objects.filter(pk=job_id).first()
    token = job.claim(worker, timezone.now()) if job else None
    if job is None or token is None:
        return None
    with Child(str(job.pk), job.queue, job.trail) as child:
        hold = Hold(job, token, child)
        order = hold.follow(stopping, watch)
        if order is Order.LOST:
            return None
        if order is not None:
            child.stop()
        if not hold.tell():
            return None
        hold.close(order, leaving=stopping())
    job.refresh_from_db(fields=["state"])
    return job.state
