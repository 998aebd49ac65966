"""Workers as real processes, and what becomes of their jobs when they are killed."""

import time
from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.workbench.processes import LEASE_S, alive, command, environment, kill, pids, wait_for, words
from workbench.benchmarks.ledger import scratch
from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job

WORKS = "tests.workbench.ledger.works"


@pytest.fixture(autouse=True)
def ledger(transactional_db, settings):
    settings.JOB_MODULES = [WORKS]


@pytest.fixture
def marks(tmp_path):
    return tmp_path / "marks"


def has(job, **fields):
    """A question: does the row stand so?"""
    return Job.objects.filter(pk=job.pk, **fields).exists


# --- what must not happen


def test_kill_9_leads_to_one_retry_and_no_double_run(tmp_path):
    """Of three jobs at work one loses its worker, one its child, one both."""
    files = [tmp_path / name for name in ("lost worker", "lost child", "lost both")]
    jobs = [submit(f"{WORKS}.slow_once", file.name, file=str(file)) for file in files]
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(command("worker", "--name", name)) for name in ("w1", "w2", "w3")
        }
        stack.enter_context(command("tick"))
        stack.enter_context(command("tick"))
        wait_for(lambda: all(file.exists() for file in files))
        children = [pids(file)[0] for file in files]
        first, _, third = [workers[Job.objects.get(pk=job.pk).worker].pid for job in jobs]
        kill(first, children[1], third, children[2])
        wait_for(lambda: not any(map(alive, children)), seconds=1)  # the kernel ends a child with its worker
        wait_for(lambda: not Job.objects.exclude(state="done").exists())
        time.sleep(LEASE_S)  # long enough for another reap, were there anything to take
    assert list(Job.objects.values_list("state", "attempt")) == [("done", 2)] * 3
    assert [words(file) for file in files] == [["began", "began", "ended"]] * 3


def test_four_processes_claim_each_of_200_jobs_once(settings):
    for number in range(200):
        submit(f"{WORKS}.quick", str(number))
    races = scratch.race(environment(), processes=4)
    claims = sorted(claim for race in races for claim in race["claims"])
    assert claims == sorted(str(pk) for pk in Job.objects.values_list("pk", flat=True))
    assert [race["errors"] for race in races] == [0, 0, 0, 0]
    assert min(len(race["claims"]) for race in races) > 0
    assert set(Job.objects.values_list("state", "attempt")) == {("done", 1)}


# --- what must happen


def test_cancel_ends_a_stubborn_child_and_all_that_it_started_within_3_s(marks):
    job = submit(f"{WORKS}.stubborn", "stubborn", file=str(marks))
    with command("worker"):
        wait_for(has(job, progress__stage="waiting"))
        job.request_cancel(timezone.now())
        wait_for(lambda: not any(map(alive, pids(marks))), seconds=3)
        wait_for(has(job, state="cancelled"), seconds=1)


def test_a_terminated_worker_gives_its_job_back_uncounted(marks):
    job = submit(f"{WORKS}.stubborn", "stubborn", file=str(marks))
    with command("worker") as worker:
        wait_for(has(job, progress__stage="waiting"))
        worker.terminate()
        assert worker.wait(5) == 0
    job.refresh_from_db()
    assert (job.state, job.attempt, job.lease_token) == ("queued", 0, None)
    assert not any(map(alive, pids(marks)))


def test_a_worker_takes_its_own_queues_only_and_soon(marks):
    with command("worker", "--queues", "gpu"):
        other = submit(f"{WORKS}.quick", "other", file=str(marks), queue="cpu")
        wait_for(has(submit(f"{WORKS}.quick", "first", file=str(marks), queue="gpu"), state="done"))
        second = submit(f"{WORKS}.quick", "second", file=str(marks), queue="gpu")
        assert wait_for(lambda: not has(second, state="queued")(), seconds=2) < 1
        wait_for(has(second, state="done"))
    assert has(other, state="queued")()


def test_a_long_job_keeps_its_lease(marks):
    job = submit(f"{WORKS}.slow", "slow", file=str(marks), seconds=LEASE_S * 2)
    with command("worker"), command("tick"):
        wait_for(has(job, state="done"))
    assert words(marks) == ["began", "ended"]


def test_tick_once_reaps_and_ends(marks):
    job = submit(f"{WORKS}.quick", "quick", file=str(marks))
    job.claim("gone", timezone.now())
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    with command("tick", "--once") as tick:
        assert tick.wait(60) == 0
    assert has(job, state="queued", attempt=1)()


def test_run_job_does_one_job_in_the_foreground(marks):
    job = submit(f"{WORKS}.slow", "slow", file=str(marks), seconds=0.5, queue="gpu")
    with command("run_job", str(job.pk)) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "waiting: 1 of 2\n" in said
    assert said.endswith("slow: done\n")


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        ("failing", "CommandError: failing: ValueError: no picture could be read"),
        ("quick", "could not be claimed: it is unknown, running, ended or not due"),
    ],
)
def test_run_job_tells_what_is_wrong(work, sentence):
    job = submit(f"{WORKS}.{work}", work)
    Job.objects.filter(title="quick").update(state="done")
    with command("run_job", str(job.pk)) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert sentence in said
