"""Workers as real processes, and what becomes of their jobs when they are killed."""

import time
from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.utils import timezone
from processes import LEASE_S, alive, command, environment, kill, pids, wait_for, words

from workbench.benchmarks.ledger import scratch
from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job


@pytest.fixture(autouse=True)
def ledger(job_rows, settings):
    settings.JOB_MODULES = ["works"]


@pytest.fixture
def marks(tmp_path):
    return tmp_path / "marks"


def has(job, **fields):
    """A question: does the row stand so?"""
    return Job.objects.filter(pk=job.pk, **fields).exists


VICTIMS = {
    "worker": lambda worker, child: kill(worker),
    "child": lambda worker, child: kill(child),
    "both": lambda worker, child: kill(worker, child),
}


# --- what must not happen


@pytest.mark.parametrize("victims", VICTIMS)
def test_kill_9_leads_to_one_retry_and_no_double_run(victims, marks):
    job = submit("works.slow_once", "hangs once", file=str(marks))
    with command("worker", "--name", "first") as worker, ExitStack() as others:
        wait_for(lambda: words(marks) == ["began"])
        (child,) = pids(marks)
        VICTIMS[victims](worker.pid, child)
        wait_for(lambda: not alive(child), seconds=1)  # the kernel ends the child with its worker
        for argv in (["worker"], ["worker"], ["tick"], ["tick"]):
            others.enter_context(command(*argv))
        wait_for(has(job, state="done"))
        time.sleep(LEASE_S)  # long enough for another reap, were there anything to take
    job.refresh_from_db()
    assert (job.state, job.attempt) == ("done", 2)
    assert words(marks) == ["began", "began", "ended"]


def test_four_processes_claim_each_of_200_jobs_once(settings):
    for number in range(200):
        submit("works.quick", str(number))
    races = scratch.race(environment(), processes=4)
    claims = sorted(claim for race in races for claim in race["claims"])
    assert claims == sorted(str(pk) for pk in Job.objects.values_list("pk", flat=True))
    assert [race["errors"] for race in races] == [0, 0, 0, 0]
    assert min(len(race["claims"]) for race in races) > 0
    assert set(Job.objects.values_list("state", "attempt")) == {("done", 1)}


# --- what must happen


@pytest.mark.parametrize("work", ["tidy", "stubborn"])
def test_cancel_ends_the_child_and_all_that_it_started_within_3_s(work, marks):
    job = submit(f"works.{work}", work, file=str(marks))
    with command("worker"):
        wait_for(has(job, progress__stage="waiting"))
        job.request_cancel(timezone.now())
        wait_for(lambda: not any(map(alive, pids(marks))), seconds=3)
        wait_for(has(job, state="cancelled"), seconds=1)


@pytest.mark.parametrize("work", ["tidy", "stubborn"])
def test_a_terminated_worker_gives_its_job_back_uncounted(work, marks):
    job = submit(f"works.{work}", work, file=str(marks))
    with command("worker") as worker:
        wait_for(has(job, progress__stage="waiting"))
        worker.terminate()
        assert worker.wait(5) == 0
    job.refresh_from_db()
    assert (job.state, job.attempt, job.lease_token) == ("queued", 0, None)
    assert not any(map(alive, pids(marks)))


def test_a_worker_takes_its_own_queues_only_and_soon(marks):
    with command("worker", "--queues", "gpu"):
        other = submit("works.quick", "other", file=str(marks), queue="cpu")
        wait_for(has(submit("works.quick", "first", file=str(marks), queue="gpu"), state="done"))
        second = submit("works.quick", "second", file=str(marks), queue="gpu")
        assert wait_for(lambda: not has(second, state="queued")(), seconds=2) < 1
        wait_for(has(second, state="done"))
    assert has(other, state="queued")()


def test_a_long_job_keeps_its_lease(marks):
    job = submit("works.slow", "slow", file=str(marks), seconds=LEASE_S * 2)
    with command("worker"), command("tick"):
        wait_for(has(job, state="done"), seconds=20)
    assert words(marks) == ["began", "ended"]


def test_tick_once_reaps_and_ends(marks):
    job = submit("works.quick", "quick", file=str(marks))
    job.claim("gone", timezone.now() - timedelta(days=1))
    with command("tick", "--once") as tick:
        assert tick.wait(15) == 0
    assert has(job, state="queued", attempt=1)()


def test_run_job_does_one_job_in_the_foreground(marks):
    job = submit("works.slow", "slow", file=str(marks), seconds=0.5, queue="gpu")
    with command("run_job", str(job.pk)) as process:
        said, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "waiting: 1 of 2\n" in said
    assert said.endswith("slow: done\n")


@pytest.mark.parametrize(
    ("work", "sentence"),
    [("failing", "failing: ValueError: no picture could be read"), ("absent", "UnknownWork")],
)
def test_run_job_tells_what_failed(work, sentence):
    job = submit(f"works.{work}", work)
    with command("run_job", str(job.pk)) as process:
        said, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert sentence in said


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "0b4c3f2e-9d0e-4c63-a3a1-0d3f4b9b6f55",
            "could not be claimed: it is unknown, running, ended or not due",
        ),
        ("7", "argument id: invalid UUID value: '7'"),
    ],
)
def test_run_job_without_such_a_job(name, sentence):
    with command("run_job", name) as process:
        said, _ = process.communicate(timeout=20)
    assert process.returncode != 0
    assert sentence in said
    assert "Traceback" not in said
