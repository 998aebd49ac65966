"""Settings of worker processes under test: the database of the test run, and job functions of its own."""

import os

from workbench.settings import *  # noqa: F403

DATABASES["default"]["NAME"] = os.environ["SEEDBED_TEST_DATABASE"]  # noqa: F405
JOB_MODULES = [*JOB_MODULES, "tests.workbench.ledger.works"]  # noqa: F405
