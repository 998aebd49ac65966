"""Keeps a set of child processes alive: starts them, waits for health, restarts the fallen, stops them all.

None outlives us, whatever happens: each is tied to this process by the kernel and leads a process group.
What they print goes to STATE_DIR/logs; how each stands goes to STATE_DIR/status.json, for pages to read.
"""

import asyncio
import contextlib
import enum
import fcntl
import json
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

from workbench import tied

LOOK_S = 0.2
FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 15.0
STEADY_S = 30.0  # who lives so long has recovered: the next fall waits the first delay again
FALLS_BEFORE_READY = 5  # a child that never came up is given up after so many
LOG_BYTES = 5_000_000
FAREWELL_S = 5.0  # for `main` to notice that everything stops


class Unhealthy(Exception):
    """Raised by a health check when waiting cannot help; the message is a sentence for a person."""


class AlreadyUp(Exception):
    """Another supervisor serves the same state folder."""


class State(enum.StrEnum):
    WAITING = "waiting"  # for another child
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Child:
    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None  # all of it; None: ours
    cwd: Path | None = None
    health: Callable[[], bool] | None = None  # whether it answers; may raise Unhealthy.  None: ready at once
    needs: tuple[str, ...] = ()  # names of children that must be ready first
    grace_s: float = 10.0  # from SIGTERM to SIGKILL
    boot_timeout_s: float = 60.0
    optional: bool = False  # whether the others go on when this one cannot start


@dataclass(frozen=True)
class Standing:
    state: State
    reason: str  # why it is not ready, "" otherwise
    since: str  # ISO time


class Supervisor:
    """Run it in the main thread: children die with the thread that started them.

    `missing` names children that cannot even be tried, with the reason: they stand as failed from the start.
    """

    def __init__(
        self,
        children: Sequence[Child],
        folder: Path,
        *,
        say: Callable[[str], None] = print,
        missing: Mapping[str, str] | None = None,
    ) -> None:
        self.stopping = threading.Event()
        self.standings: dict[str, Standing] = {}
        self._children = children
        self._folder = folder
        self._say = say
        self._code = 0
        self._trouble: BaseException | None = None
        for child in children:
            self.standings[child.name] = Standing(State.WAITING, "", _now())
        for name, reason in (missing or {}).items():
            self.standings[name] = Standing(State.FAILED, reason, _now())

    def run(self, main: Callable[[], None] | None = None, *, stay: bool = True) -> int:
        """Keep the children up until a signal, the failure of a needed child, or the end of `main`.

        `main` runs in a thread beside the children; with `stay` they stay up after it.
        Returns the exit code; raises what `main` raised, and AlreadyUp.
        """
        (self._folder / "logs").mkdir(parents=True, exist_ok=True)
        with self._alone():
            asyncio.run(self._supervise(main, stay))
        if self._trouble is not None:
            raise self._trouble
        return self._code

    def wait(self, name: str, timeout_s: float) -> Standing:
        """Wait in `main` until a child is ready or has failed, or everything stops."""
        until = time.monotonic() + timeout_s
        while self.standings[name].state not in (State.READY, State.FAILED) and time.monotonic() < until:
            if self.stopping.wait(LOOK_S):
                break
        return self.standings[name]

    async def _supervise(self, main: Callable[[], None] | None, stay: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._ready = {name: asyncio.Event() for name in self.standings}
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means it
                self._loop.add_signal_handler(number, self._stop.set)
        self._publish()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._keep(child)) for child in self._children]
            story = self._begin(main, stay) if main else None
            await self._stop.wait()
            self.stopping.set()
            for task in tasks:
                task.cancel()
        if story is not None:
            await asyncio.to_thread(story.join, FAREWELL_S)
            self._code = self._code or (130 if story.is_alive() else 0)

    def _begin(self, main: Callable[[], None], stay: bool) -> threading.Thread:
        def tell() -> None:
            try:
                main()
            except BaseException as trouble:  # run() raises it in the main thread
                self._trouble = trouble
            if self._trouble is not None or not stay:
                with contextlib.suppress(RuntimeError):  # the loop is closed: all has stopped already
                    self._loop.call_soon_threadsafe(self._stop.set)

        story = threading.Thread(target=tell, name="main", daemon=True)
        story.start()
        return story

    async def _keep(self, child: Child) -> None:
        """Live with one child: start it, and start it again whenever it falls."""
        falls = 0
        try:
            for name in child.needs:
                await self._ready[name].wait()
            while True:
                began = time.monotonic()
                reason = await self._live(child)
                falls = 1 if time.monotonic() - began > STEADY_S else falls + 1
                if falls >= FALLS_BEFORE_READY and not self._ready[child.name].is_set():
                    return self._give_up(child, reason)
                self._set(child, State.RESTARTING, reason)
                await asyncio.sleep(min(FIRST_DELAY_S * 2 ** (falls - 1), LONGEST_DELAY_S))
        except asyncio.CancelledError:
            self._set(child, State.STOPPED)
            raise

    def _give_up(self, child: Child, reason: str) -> None:
        self._set(child, State.FAILED, reason)
        if not child.optional:
            self._code = 1
            self._stop.set()

    async def _live(self, child: Child) -> str:
        """One life of the child, from start to end; why it ended."""
        process = tied.start(child.argv, on_death=signal.SIGTERM, env=child.env, cwd=child.cwd)
        assert process.stdout is not None
        log = self._folder / "logs" / f"{child.name}.log"
        threading.Thread(target=_keep_log, args=(process.stdout, log), daemon=True).start()
        self._set(child, State.STARTING)
        try:
            reason = await _boot(child, process)
            if reason is None:
                self._set(child, State.READY)
                self._ready[child.name].set()
                reason = await _end_of(process)
        finally:
            await _end(process, child.grace_s)
        return f"{reason} (see {log})"

    def _set(self, child: Child, state: State, reason: str = "") -> None:
        self.standings[child.name] = Standing(state, reason, _now())
        self._publish()
        if reason:
            self._say(f"{child.name}: {state}: {reason}")

    def _publish(self) -> None:
        draft = self._folder / f"status.json.{os.getpid()}"
        children = {name: asdict(standing) for name, standing in self.standings.items()}
        draft.write_text(json.dumps({"pid": os.getpid(), "children": children}, indent=1))
        draft.replace(self._folder / "status.json")

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with (self._folder / "up.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyUp(
                    f"Seedbed already runs on {self._folder}. Stop it first, or name another folder with"
                    " SEEDBED_STATE."
                ) from None
            try:
                yield
            finally:
                (self._folder / "status.json").unlink(missing_ok=True)


def read_standings(folder: Path) -> dict[str, Standing]:
    """How the children of the supervisor of this state folder stand; empty where none is up."""
    try:
        status = json.loads((folder / "status.json").read_text())
        os.kill(status["pid"], 0)
    except (FileNotFoundError, ProcessLookupError):  # none, or it was killed
        return {}
    return {
        name: Standing(State(told["state"]), told["reason"], told["since"])
        for name, told in status["children"].items()
    }


async def _boot(child: Child, process: subprocess.Popen[bytes]) -> str | None:
    """Wait until the child answers; why it never will, or None."""
    until = time.monotonic() + child.boot_timeout_s
    while time.monotonic() < until:
        if process.poll() is not None:
            return await _end_of(process)
        try:
            if child.health is None or await asyncio.to_thread(child.health):
                return None
        except Unhealthy as trouble:
            return str(trouble)
        await asyncio.sleep(LOOK_S)
    return f"did not answer within {child.boot_timeout_s:g} s"


async def _end_of(process: subprocess.Popen[bytes]) -> str:
    while (code := process.poll()) is None:
        await asyncio.sleep(LOOK_S)
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


async def _end(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """Stop the child and whatever it started."""
    tied.signal_group(process, signal.SIGTERM)
    until = time.monotonic() + grace_s
    try:
        while process.poll() is None and time.monotonic() < until:
            await asyncio.sleep(LOOK_S / 4)
    finally:  # also when everything stops while this one is being stopped
        tied.signal_group(process, signal.SIGKILL)
        process.wait()


def _keep_log(stream: IO[bytes], file: Path) -> None:
    log = RotatingFileHandler(file, maxBytes=LOG_BYTES, backupCount=2, encoding="utf-8")
    with stream, contextlib.closing(log):
        for line in stream:
            log.emit(logging.makeLogRecord({"msg": line.decode(errors="replace").rstrip("\n")}))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
