"""The work that the recovery benchmark kills."""

import time
from pathlib import Path

from labeling.progress import Progress, Report


def hang_once(report: Report, *, file: str) -> None:
    """Hang in the first attempt; leave one line in the file in each later one."""
    begun = Path(f"{file}.begun")
    again = begun.exists()
    begun.touch()
    while not again:
        report(Progress("hanging", 0))
        time.sleep(0.05)
    with open(file, "a") as out:
        out.write("done\n")
