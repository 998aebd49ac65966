"""What a job uses and how fast it goes: against the kernel's own figures and a clock that we turn."""

import json
import subprocess
import sys

import pytest

from workbench.ledger import resources
from workbench.ledger.resources import Pace

HOLD = "import sys, time; held = bytearray(50 << 20); print('held', flush=True); time.sleep(60)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLD!r}])"


def pace(*reports, total=100):
    made = Pace()
    for at, stage, done in reports:
        made.note({"stage": stage, "done": done, "total": total}, at)
    return made


def test_a_process_that_is_gone_uses_nothing():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert resources.of_tree(gone.pid) is None


@pytest.mark.parametrize(
    "reports",
    [
        [],
        [(0.0, "training", 10)],
        [(0.0, "training", 10), (5.0, "training", 10)],
        [(0.0, "decoding", 10), (5.0, "training", 20)],  # another stage has another pace
        [(0.0, "training", 50), (5.0, "training", 2)],  # begun again
    ],
)
def test_without_two_reports_of_a_stage_there_is_no_pace(reports):
    made = pace(*reports)
    assert (made.per_s(), made.left_s(9.0)) == (None, None)


def test_what_has_no_end_has_no_time_left():
    made = pace((0.0, "training", 0), (1.0, "training", 5), total=None)
    assert (made.per_s(), made.left_s(1.0)) == (5.0, None)


ALONE = """
import json, os, resource
from workbench.ledger import resources
held = bytearray(200 << 20)
del held
use, said = resources.of_tree(os.getpid()), resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([use._asdict(), said.ru_utime + said.ru_stime]))
"""  # in a process of its own: this one may have a browser, and its peak would be inherited


def test_our_own_process_uses_what_the_kernel_says():
    told = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True).stdout
    use, cpu_s = json.loads(told)
    assert 200 < use["peak_mib"] < 260  # what it held for a moment, and Python
    assert 5 < use["rss_mib"] < 60
    assert use["cpu_s"] == pytest.approx(cpu_s, abs=0.2)


def test_what_a_process_started_counts_with_it():
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
    assert parent.stdout.readline() == b"held\n"
    use = resources.of_tree(parent.pid)
    subprocess.run(["pkill", "-P", str(parent.pid)], check=True)
    parent.communicate()
    assert use.rss_mib > 50


def test_pace_and_time_left_follow_the_last_reports():
    slow = [(float(at), "training", at) for at in range(10)]
    fast = [(10.0 + at / 2, "training", 10 + 2 * at) for at in range(resources.POINTS)]
    assert pace(*slow).per_s() == pytest.approx(1)
    assert pace(*slow, *fast).per_s() == pytest.approx(4)
    assert pace(*slow).left_s(9.0) == pytest.approx(91)
    assert pace(*slow).left_s(19.0) == pytest.approx(81)  # nothing was heard for 10 s
    assert pace(*slow).left_s(1000.0) == 0


def test_no_library_is_loaded_to_ask_for_gpu_memory():
    ask = "from workbench.ledger import resources; print(resources.gpu_mib(), 'torch' in sys.modules)"
    code = f"import sys; {ask}"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "None False\n"
