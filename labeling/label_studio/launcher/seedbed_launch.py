"""Runs inside Label Studio's environment in place of its `label-studio` command: the same server, our routes more.

Relies on three names of label-studio 1.23.2: server._setup_env, server._get_free_port and core.urls.
"""

import logging
import sys

import label_studio.server as server

set_up = server._setup_env


def set_up_with_routes():
    set_up()
    from django.conf import settings

    settings.ROOT_URLCONF = "seedbed_urls"  # a settings module of our own cannot be derived from theirs
    settings.MIDDLEWARE = ["seedbed_queue.OneAtATime", *settings.MIDDLEWARE]
    steady_database(settings.DATABASES["default"])
    logging.getLogger("django.server").setLevel(logging.WARNING)  # else two lines for each request, tokens and all


def steady_database(database):
    """Let several people write to SQLite at once: with its defaults three annotators met "database is locked"."""
    from django.db import connections

    if database["ENGINE"].endswith("sqlite3"):
        database["OPTIONS"] = {
            "timeout": 30,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
        connections.close_all()  # what was opened so far still has the defaults


server._setup_env = set_up_with_routes
server._get_free_port = lambda port, debug: port  # theirs moves on to the next port when this one is busy

if __name__ == "__main__":
    sys.argv[0] = "label-studio"
    sys.exit(server.main())
