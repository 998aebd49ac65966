"""Settings of processes beside a test: the database and the state folder of the test."""

import os

from workbench.settings import *  # noqa: F403

DATABASES["default"]["NAME"] = os.environ["SEEDBED_TEST_DATABASE"]  # noqa: F405
