"""Progress in a terminal: one bar a step; plain lines where there is no terminal."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

LINE_EVERY_S = 10.0  # in a log file


class Step:
    """One step's line; tell() moves it."""

    def __init__(self, title: str, console: Console, bars: Progress | None) -> None:
        self.title = title
        self._console = console
        self._bars = bars
        self._task = bars.add_task(title, total=None, state="") if bars else None
        self._told_at = time.monotonic()

    def tell(self, state: str, done: float = 0, total: float | None = None) -> None:
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=done, total=total, state=state)
        elif time.monotonic() - self._told_at > LINE_EVERY_S:
            self._told_at = time.monotonic()
            of = f" {done:g}/{total:g}" if total else ""
            self._console.print(f"  {self.title}: {state}{of}", highlight=False)

    def end(self, state: str) -> None:
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=1, total=1, state=state)


class Screen:
    """Runs named steps, shows their progress and remembers how many seconds each took."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(file=sys.stdout)
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, key: str, title: str) -> Iterator[Step]:
        began = time.monotonic()
        if not self.console.is_terminal:
            self.console.print(f"{title} ...", highlight=False)
            step = Step(title, self.console, None)
            yield step
        else:
            with self._bars() as bars:
                step = Step(title, self.console, bars)
                yield step
                step.end("done")
        self.seconds[key] = round(time.monotonic() - began, 1)
        if not self.console.is_terminal:
            self.console.print(f"{title}: done in {self.seconds[key]:.0f} s", highlight=False)

    def _bars(self) -> Progress:
        text = TextColumn("{task.description:<42}")
        return Progress(
            text, BarColumn(24), TimeElapsedColumn(), TextColumn("{task.fields[state]}"), console=self.console
        )
