"""Servers and workers of a test end with the tests, also when those are killed or run into the time limit."""

import os
import signal
import sys
from collections.abc import Sequence

from workbench import tied


def leashed(*argv: str) -> Sequence[str]:
    """Return the command that runs argv, in the same process, until this thread is gone."""
    return [sys.executable, "-I", "-S", tied.__file__, str(os.getpid()), str(int(signal.SIGTERM)), *argv]
