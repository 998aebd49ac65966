"""Settings of a test run: the product's own, on a state folder of the run.

pytest-django reads settings before any conftest is loaded, so the folder has to be named here.
"""

import atexit
import os
import shutil
import tempfile

os.environ["SEEDBED_STATE"] = tempfile.mkdtemp(prefix="seedbed-test-")
os.environ["SEEDBED_TIME_ZONE"] = "UTC"  # whatever the machine's: pages say times of the clock
atexit.register(shutil.rmtree, os.environ["SEEDBED_STATE"], ignore_errors=True)

from workbench.settings import *  # noqa: E402, F403
