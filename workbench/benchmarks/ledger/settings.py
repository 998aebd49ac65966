"""Settings for the ledger's benchmarks: a job function of their own; on request Django's stock SQLite."""

import os

from workbench.settings import *  # noqa: F403

JOB_MODULES = [*JOB_MODULES, "workbench.benchmarks.ledger.jobs"]  # noqa: F405
if os.environ.get("SEEDBED_STOCK_SQLITE") == "1":
    del DATABASES["default"]["OPTIONS"]  # noqa: F405
