"""The registry of speed claims, its command, and the ledger's entries run small."""

import json
import subprocess
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from workbench.benchmarks import registry
from workbench.benchmarks.ledger import recovery, throughput
from workbench.benchmarks.registry import Benchmark, Check, NoData, Outcome, Side, Survey, Verdict


def outcome(*, gate=True, counts="wall"):
    ours = Side("ours", (1.0, 2.0, 4.0), (0.5, 0.5, 0.5), {"jobs_per_s": 7.0})
    return Outcome(ours, Side("theirs", (3.0, 4.0, 4.0), (1.0, 1.5, 0.5)), gate, "looked right", counts)


@pytest.fixture
def planted(monkeypatch):
    """Two benchmarks whose outcome is known."""
    for name, gate, target in [("right", True, 1.5), ("wrong", False, 9.0)]:
        one = Benchmark(name, target, "The peer is planted.", lambda gate=gate: outcome(gate=gate))
        monkeypatch.setitem(registry.REGISTERED, name, one)


def bench(*argv):
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("bench", *argv, stdout=out)
    return end.value.code, out.getvalue()


def race(*claims, errors=0):
    return {"claims": list(claims), "errors": errors, "began": 0.0, "ended": 1.0, "cpu_s": 0.1}


# --- what must not happen


def test_a_failed_gate_is_exit_code_1_however_fast(planted):
    code, said = bench("right", "wrong")
    assert code == 1
    assert said.splitlines()[1] == (
        "wrong  ratio 2.00 (1.00-3.00, n=3)  target 9 MISSED  GATE FAILED: looked right"
    )


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(CommandError, match=r"no benchmark 'absent'; there are: .*ledger\.throughput"):
        call_command("bench", "absent")


@pytest.mark.parametrize(
    "races",
    [
        [race("a", "b"), race("b")],
        [race("a", "b")],
        [race("a", "b"), race("c", errors=1)],
        [race("a", "b"), race("c", "d")],
    ],
    ids=["claimed twice", "not all claimed", "an error", "one too many"],
)
def test_the_throughput_gate_sees_what_is_wrong(races, monkeypatch):
    monkeypatch.setattr(throughput, "JOBS", 3)
    assert not throughput._right(races)


# --- what must happen


def test_the_throughput_gate_sees_what_is_right(monkeypatch):
    monkeypatch.setattr(throughput, "JOBS", 3)
    assert throughput._right([race("a", "c"), race("b")])


def test_a_benchmark_tells_ratio_target_and_gate(planted):
    assert bench("right") == (0, "right  ratio 2.00 (1.00-3.00, n=3)  target 1.5  gate held: looked right\n")


def test_where_processor_time_counts_the_wall_is_told_beside_it(planted, monkeypatch):
    one = Benchmark("cpu", 1.0, "The peer is planted.", lambda: outcome(counts="cpu"))
    monkeypatch.setitem(registry.REGISTERED, "cpu", one)
    _, said = bench("cpu")
    assert said.startswith("cpu  ratio 2.00 (1.00-3.00, n=3, CPU; wall 2.00)  target 1")


def test_a_survey_is_told_line_by_line_and_only_where_asked_for(planted, monkeypatch, tmp_path):
    one = Survey("around", "", lambda tell, data: tell(f"looked into {data}"))
    monkeypatch.setitem(registry.SURVEYS, "around", one)
    assert bench("around", "--data", str(tmp_path)) == (0, f"looked into {tmp_path}\n")
    assert one not in registry.find([])


@pytest.mark.parametrize(("gate", "code", "word"), [(True, 0, "gate held"), (False, 1, "GATE FAILED")])
def test_a_check_tells_its_gate_and_its_table(gate, code, word, monkeypatch, tmp_path):
    verdict = Verdict(gate, "0.91 of 0.90", ("n  share", "9  0.91"), {"share": 0.91})
    monkeypatch.setitem(registry.REGISTERED, "bands", Check("bands", "How often.", lambda data: verdict))
    found, said = bench("bands", "--json", str(tmp_path / "figures.json"))
    assert (found, said) == (code, f"bands  {word}: 0.91 of 0.90\n  n  share\n  9  0.91\n")
    (result,) = json.loads((tmp_path / "figures.json").read_text())["results"]
    assert (result["gate"], result["figures"]) == (gate, {"share": 0.91})


def test_a_check_without_its_data_says_so_and_does_not_fail(monkeypatch, tmp_path):
    def conduct(data):
        raise NoData(f"no curves in {data}")

    monkeypatch.setitem(registry.REGISTERED, "bands", Check("bands", "", conduct))
    assert bench("bands", "--data", str(tmp_path)) == (0, f"bands  NOT CHECKED: no curves in {tmp_path}\n")


def test_the_file_holds_all_figures(planted, tmp_path):
    bench("right", "--json", str(tmp_path / "figures.json"))
    told = json.loads((tmp_path / "figures.json").read_text())
    (result,) = told["results"]
    assert told["machine"]["cpus"] > 0
    assert (result["ratio"], result["spread"], result["n"], result["reached"]) == (2.0, [1.0, 3.0], 3, True)
    assert result["ours"] == {
        "name": "ours",
        "wall_s": [1.0, 2.0, 4.0],
        "cpu_s": [0.5, 0.5, 0.5],
        "figures": {"jobs_per_s": 7.0},
    }


def test_both_sides_run_in_turn_and_change_places():
    order = []
    ours, peer = registry.in_turn(
        ("o", lambda: order.append("o")), ("p", lambda: order.append("p")), repeats=3
    )
    assert order == ["o", "p", "p", "o", "o", "p"]
    assert (ours.name, len(ours.wall_s), peer.name, len(peer.cpu_s)) == ("o", 3, "p", 3)


def test_processor_time_counts_children():
    busy = [sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"]
    ours, peer = registry.in_turn(
        ("busy", lambda: subprocess.run(busy, check=True)), ("idle", lambda: None), repeats=1
    )
    assert ours.cpu_s[0] > 0.3
    assert peer.cpu_s[0] < 0.1


def test_every_benchmark_names_its_peer():
    found = registry.find([])
    assert {"ledger.recovery", "ledger.throughput"} <= {one.name for one in found}
    assert [one.name for one in found if isinstance(one, Benchmark) and "peer" not in one.says] == []


def test_throughput_small(monkeypatch):
    for name, value in [("JOBS", 20), ("PROCESSES", 2), ("REPEATS", 1)]:
        monkeypatch.setattr(throughput, name, value)
    found = throughput.throughput()
    assert found.gate
    assert found.because == "2 processes claimed 1 x 20 jobs: 20 claims, 0 double, 0 errors"
    assert found.ours.figures["jobs_per_s"] > 0


def test_recovery_small(monkeypatch):
    monkeypatch.setattr(recovery, "REPEATS", 1)
    monkeypatch.setattr(recovery, "LEASE_S", 2.0)
    found = recovery.recovery()
    assert found.gate
    assert found.ours.wall_s[0] > 1.0
