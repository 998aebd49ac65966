#!/usr/bin/env python3
"""Seedbed's entry: makes and enters the virtual environment where that is needed, then runs a command.

Kept to old syntax, so that a Python that is too old gets a sentence and not a SyntaxError.
"""

import os
import sys


def main():
    if sys.platform != "linux":
        sys.exit(
            "Seedbed runs on Linux; this is %s. Use WSL2 or `docker compose up` (see README)." % sys.platform
        )
    if sys.version_info[:2] not in ((3, 11), (3, 12), (3, 13)):
        sys.exit("Seedbed needs Python 3.11, 3.12 or 3.13; this is %s. Run it as `python3.11 manage.py ...`."
                 % sys.version.split()[0])  # fmt: skip
    from workbench import bootstrap

    bootstrap.enter(sys.argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
