"""The checks of the forecasts, run small."""

import pytest

from workbench.benchmarks.curves import public
from workbench.benchmarks.registry import NoData


def test_public_curves_are_looked_for_where_told(tmp_path):
    assert public.folder(tmp_path) == tmp_path
    with pytest.raises(NoData, match=r"no public curves at .*absent; name their folder with --data"):
        public.folder(tmp_path / "absent")
