"""Settings of a test run: the product's own, on a state folder of the run.

pytest-django reads settings before any conftest is loaded, so the folder has to be named here.
"""

import os
import tempfile

os.environ["SEEDBED_STATE"] = tempfile.mkdtemp(prefix="seedbed-test-")

from workbench.settings import *  # noqa: F403
