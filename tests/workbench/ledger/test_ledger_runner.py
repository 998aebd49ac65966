"""One job from claim to end, in a real child process."""

import signal
import time

import pytest
from django.utils import timezone

from tests.workbench.processes import alive, environment, pids, words
from workbench.ledger import child, runner
from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job

WORKS = "tests.workbench.ledger.works"


@pytest.fixture(autouse=True)
def ledger(transactional_db, settings, monkeypatch):
    """The runner in this process, its children on the same database."""
    settings.JOB_MODULES = [WORKS]
    for name, value in environment().items():
        monkeypatch.setenv(name, value)


def run(work, **params):
    job = submit(f"{WORKS}.{work}", work, **params)
    runner.run_job(job.pk, "tests")
    job.refresh_from_db()
    return job


class Meddler:
    """A watch that acts once, when the work has begun."""

    def __init__(self, act):
        self.act, self.at = act, None

    def __call__(self, progress):
        act, self.act = (self.act, None) if progress else (None, self.act)
        if act is not None:
            self.at = time.monotonic()
            act()


# --- what must not happen


def test_a_stranger_s_job_is_left_alone(tmp_path):
    job = submit(f"{WORKS}.quick", "quick", file=str(tmp_path / "marks"))
    job.claim("other", timezone.now())
    assert runner.run_job(job.pk, "tests") is None
    assert words(tmp_path / "marks") == []


def test_an_unknown_job_is_nobody_s():
    assert runner.run_job("6a1f3c39-3f1c-4ab6-a6a5-2f9f9a4e7d11", "tests") is None


def test_printed_text_is_no_message():
    job = run("chatty")
    assert (job.state, job.result) == ("done", {"name": "a?b", "share": None})
    assert job.progress == {"stage": "told", "done": 3, "total": 4, "values": {"loss": None}}


def test_the_tail_stays_small_whatever_is_printed():
    job = run("chatty")
    assert job.tail.endswith("last words")
    assert len(job.tail) <= child.TAIL_BYTES


def test_a_lost_lease_writes_nothing_and_ends_the_child(tmp_path):
    file = tmp_path / "marks"
    job = submit(f"{WORKS}.slow", "slow", file=str(file), seconds=60)
    steal = Meddler(lambda: Job.objects.filter(pk=job.pk).update(lease_token=None, worker="thief"))
    assert runner.run_job(job.pk, "tests", watch=steal) is None
    assert time.monotonic() - steal.at < 1.5
    job.refresh_from_db()
    assert (job.state, job.worker, job.error, job.finished_at) == ("running", "thief", "", None)
    assert not alive(pids(file)[0])
    assert words(file) == ["began"]


def test_a_job_whose_row_is_gone_ends(tmp_path):
    job = submit(f"{WORKS}.slow", "slow", file=str(tmp_path / "marks"), seconds=60)
    assert runner.run_job(job.pk, "tests", watch=Meddler(Job.objects.filter(pk=job.pk).delete)) is None
    assert not alive(pids(tmp_path / "marks")[0])


# --- what must happen


def test_a_job_is_done(tmp_path):
    job = run("quick", file=str(tmp_path / "marks"))
    assert (job.state, job.attempt, job.error) == ("done", 1, "")
    assert job.result == {"file": str(tmp_path / "marks")}
    assert words(tmp_path / "marks") == ["began", "ended"]
    assert job.started_at < job.finished_at


def test_what_was_reported_and_used_stands_on_the_row():
    """Also what an earlier attempt reported, up to where this one takes it up."""
    job = submit(f"{WORKS}.training", "training", to=5, at=2)
    Job.objects.filter(pk=job.pk).update(trail=[{"step": step, "loss": -1.0} for step in (1, 2, 3, 9)])
    runner.run_job(job.pk, "tests")
    job.refresh_from_db()
    assert [point["step"] for point in job.trail] == [1, 2, 3, 4, 5]
    assert [point["loss"] for point in job.trail] == [-1, -1, 1 / 3, 1 / 4, 1 / 5]
    assert (job.progress["stage"], job.progress["values"]) == ("predicting", {})
    assert 0.3 < job.resources["cpu_s"] < 60
    assert 64 < job.resources["rss_mib"] <= job.resources["peak_mib"] < 1000
    assert "gpu_mib" not in job.resources


def test_cancel_lets_the_work_clean_up(tmp_path):
    file = tmp_path / "marks"
    job = submit(f"{WORKS}.tidy", "tidy", file=str(file))
    cancel = Meddler(lambda: job.request_cancel(timezone.now()))
    assert runner.run_job(job.pk, "tests", watch=cancel) == "cancelled"
    assert time.monotonic() - cancel.at < 1.5
    assert words(file) == ["began", "tidied"]
    assert not alive(pids(file)[0])


def test_a_stopping_worker_gives_the_job_back_uncounted(tmp_path):
    job = submit(f"{WORKS}.tidy", "tidy", file=str(tmp_path / "marks"))
    wishes = []
    state = runner.run_job(
        job.pk, "tests", stopping=lambda: bool(wishes), watch=Meddler(lambda: wishes.append("stop"))
    )
    job.refresh_from_db()
    assert (state, job.attempt, job.error) == ("queued", 0, "")


def test_an_error_stands_on_the_row_with_what_was_printed():
    job = run("failing")
    assert (job.state, job.error) == ("failed", "ValueError: no picture could be read")
    assert job.tail.startswith("before the end\nTraceback")
    assert job.tail.endswith("ValueError: no picture could be read")


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (signal.SIGSEGV, "The work crashed (SIGSEGV)."),
        (signal.SIGTERM, "Something outside Seedbed asked the work to stop."),
    ],
)
def test_a_killed_child_is_explained(number, sentence):
    job = run("dying", number=int(number))
    assert job.state == "failed"
    assert sentence in job.error


def test_a_child_shot_from_outside_runs_again_until_its_attempts_are_used_up():
    job = submit(f"{WORKS}.dying", "dying", number=int(signal.SIGKILL))
    assert [runner.run_job(job.pk, "tests") for _ in range(4)] == ["queued", "queued", "failed", None]
    job.refresh_from_db()
    assert (job.attempt, "ran out of memory" in job.error) == (3, True)


def test_an_end_without_a_word_is_a_failure():
    job = run("leaving")
    assert (job.state, job.error) == ("failed", "The work ended without a result (exit code 0).")


def test_a_result_that_json_does_not_know_is_a_failure():
    job = run("odd_result")
    assert (job.state, job.error) == (
        "failed",
        "TypeError: Object of type PosixPath is not JSON serializable",
    )


def test_a_function_that_is_not_there_is_a_failure():
    job = run("absent")
    assert (job.state, job.error) == ("failed", f"UnknownWork: {WORKS} has no job function 'absent'")


def test_one_thread_and_no_gpu_outside_its_queue(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")
    expected = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "CUDA_VISIBLE_DEVICES": ""}
    assert run("threads").result == expected


def test_the_installation_has_the_last_word_on_threads(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    expected = {"OMP_NUM_THREADS": "4", "OMP_WAIT_POLICY": "PASSIVE", "CUDA_VISIBLE_DEVICES": "1"}
    assert run("threads", queue="gpu").result == expected
