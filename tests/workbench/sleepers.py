"""A supervisor to be killed: `python sleepers.py FOLDER` keeps three children that write their pids there."""

import sys
from pathlib import Path

from workbench.supervisor import Child, Supervisor

STEADY = "import os, sys, time; open(sys.argv[1], 'a').write(f'began {os.getpid()}\\n'); time.sleep(60)"
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open(sys.argv[1], "a").write(f"began {os.getpid()}\\nother {other.pid}\\n")
time.sleep(60)
"""


def child(folder: Path, name: str, code: str = STEADY, **more: object) -> Child:
    return Child(name, [sys.executable, "-c", code, str(folder / f"{name}.pids")], **more)  # type: ignore[arg-type]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    sys.exit(Supervisor([child(folder, "one"), child(folder, "two", needs=("one",))], folder).run())
