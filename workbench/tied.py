"""Starts a program that cannot outlive whoever started it.  Linux only; as a script it needs no packages.

The kernel sends the signal when the starting *thread* ends, however it ends; so start from the main thread.
The program leads a session and process group of its own: killing the group reaches what it started in turn.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1


def start(
    argv: Sequence[str],
    *,
    on_death: signal.Signals,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start argv with one pipe for all that it prints; it gets `on_death` when this thread dies."""
    # A script between us and the program, no preexec_fn: Python after a fork may deadlock where threads run.
    script = [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(on_death))]
    return subprocess.Popen(
        [*script, *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=env,
        cwd=cwd,
        pass_fds=pass_fds,
        start_new_session=True,
    )


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal the program and all that it started, also after its own end."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def main(parent: int, on_death: int, argv: Sequence[str]) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, on_death)
    if os.getppid() != parent:  # it died before the kernel knew of our wish
        sys.exit(f"{argv[0]} not started: its parent is gone")
    try:
        os.execvp(argv[0], list(argv))
    except OSError as trouble:
        sys.exit(f"{argv[0]} cannot be started: {trouble.strerror}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
