"""A worker's view of the process that does one job."""

import json
import os
import selectors
import signal
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from django.conf import settings

from workbench import tied
from workbench.ledger import trail
from workbench.ledger.resources import Pace, of_tree
from workbench.ledger.trail import Point
from workbench.threads import THREADS

TAIL_LINES = 200
TAIL_BYTES = 20_000  # goes to the row up to once a second, so it must stay small
GRACE_S = 2.0  # from the request to stop to SIGKILL
EXIT_LOOK_S = 0.05  # a process that ends closes its pipes a moment before it can be waited for


class Child:
    """Runs from entering the context; whatever happens, its whole process group is gone after leaving it."""

    def __init__(self, job_id: str, queue: str, known: Sequence[Point] = ()) -> None:
        """Start it; `known` is the trail of an earlier attempt, which may be taken up in the middle."""
        self.progress: dict[str, Any] = {}
        self.trail = list(known)
        self.resources: dict[str, object] = {}
        self._pace, self._gpu_mib = Pace(), None
        self.ending: dict[str, object] = {}  # its last words: "done" and "result", or "cancelled", or "error"
        self._rest = b""  # a message that has not come whole
        self._printed = b""
        self._inbox, outbox = os.pipe()
        self._process = tied.start(
            [sys.executable, "-u", "-m", "workbench.ledger.perform", job_id, str(outbox)],
            on_death=signal.SIGKILL,
            env=_environment(queue),
            cwd=settings.BASE_DIR,
            pass_fds=[outbox],
        )
        os.close(outbox)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._inbox, selectors.EVENT_READ, self._hear)
        self._selector.register(self._process.stdout, selectors.EVENT_READ, self._keep)  # type: ignore[arg-type]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear_away()
        self._selector.close()
        os.close(self._inbox)
        self._process.stdout.close()  # type: ignore[union-attr]

    @property
    def tail(self) -> str:
        """The last lines that the work printed."""
        text = self._printed.decode(errors="replace").replace("\0", "")
        return "\n".join(text.splitlines()[-TAIL_LINES:])

    def listen(self, seconds: float) -> None:
        """Take in what the child says, for so long or until it has ended."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and self._process.poll() is None:
            self._read(min(left, EXIT_LOOK_S))

    def measure(self) -> None:
        """Renew `resources`: cpu_s, rss_mib, peak_mib, gpu_mib; of the stage per_s (steps) and left_s."""
        use = of_tree(self._process.pid) if self._process.poll() is None else None
        if use is None:
            return
        known = {**use._asdict(), "per_s": self._pace.per_s(), "left_s": self._pace.left_s(time.monotonic())}
        self.resources = {name: round(value, 1) for name, value in known.items() if value is not None}
        if self._gpu_mib is not None:
            self.resources["gpu_mib"] = self._gpu_mib

    def ended(self) -> bool:
        """Whether the work is over; all that it said has then been taken in."""
        if self._process.poll() is None:
            return False
        self._clear_away()
        return True

    def stop(self) -> None:
        """Ask the work to stop, and end it where it does not."""
        self._process.terminate()
        self.listen(GRACE_S)
        self._clear_away()

    @property
    def shot(self) -> bool:
        """Whether something outside killed the work outright."""
        return self._process.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)

    def why(self) -> str:
        """One sentence for a person: why there is no result."""
        code = self._process.returncode
        if "error" in self.ending:
            return str(self.ending["error"])
        if "cancelled" in self.ending or code == -signal.SIGTERM:
            return "Something outside Seedbed asked the work to stop."
        if self.shot:
            return "The system killed the work; most often that means that the machine ran out of memory."
        if code < 0:
            return f"The work crashed ({signal.Signals(-code).name})."
        said = self.tail.strip().rpartition("\n")[2]
        return said or f"The work ended without a result (exit code {code})."

    def _clear_away(self) -> None:
        tied.signal_group(self._process, signal.SIGKILL)
        self._process.wait()
        while self._read(0):
            pass

    def _read(self, timeout: float) -> bool:
        """Take in one chunk of each stream that has some; False when there was none."""
        ready = self._selector.select(timeout)
        for key, _ in ready:
            chunk = os.read(key.fd, 65536)
            if not chunk:
                self._selector.unregister(key.fileobj)
            key.data(chunk)
        return bool(ready)

    def _hear(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "progress" in message:
                self.progress, self._gpu_mib = message["progress"], message["gpu_mib"]
                self._pace.note(self.progress, time.monotonic())
                self.trail = trail.extended(self.trail, self.progress)
            else:
                self.ending = message

    def _keep(self, chunk: bytes) -> None:
        self._printed = (self._printed + chunk)[-TAIL_BYTES:]


def _environment(queue: str) -> dict[str, str]:
    hidden = {} if queue == "gpu" else {"CUDA_VISIBLE_DEVICES": ""}  # a GPU serves its own queue's jobs only
    return {**THREADS, **os.environ, **hidden}
