"""The benchmarks of the sync at a size that takes seconds, and what their gates see."""

import pytest

from workbench.benchmarks import registry
from workbench.benchmarks.sync import sides


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(sides, "TASKS", 400)
    monkeypatch.setattr(sides, "PART", 200)
    monkeypatch.setattr(sides, "REPEATS", 1)
    sides.measured.cache_clear()
    yield
    sides.measured.cache_clear()


def test_the_gate_sees_one_other_row(monkeypatch):
    stage = {"cpu_s": 1.0, "wall_s": 1.0}
    pair = ({"full": {**stage, "digest": "a"}}, {"full": {**stage, "digest": "b"}})
    monkeypatch.setattr(sides, "measured", lambda: [pair])
    assert not sides.outcome("full").gate


def test_both_sides_end_with_the_same_rows_at_each_stage(small):
    found = {
        one.name: one.measure() for one in registry.find(["sync.full", "sync.one_percent", "sync.compared"])
    }
    assert {name: outcome.gate for name, outcome in found.items()} == dict.fromkeys(found, True)
    assert (
        len(
            {
                pair[0][stage]["digest"]
                for pair in sides.measured()
                for stage in ("full", "one_percent", "all")
            }
        )
        == 3
    )
    assert found["sync.full"].peer.name == "update_or_create, 200 tasks x 2"
