"""The verbs of a job, on rows alone."""

import uuid
from datetime import timedelta

import pytest

from workbench.ledger import catalog
from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job, Reaped

pytestmark = pytest.mark.django_db
LATER = timedelta(days=400)  # after the lease of any clock in these tests


def make(now, **fields):
    row = {"work": "trainer.jobs.train", "title": "Train", "run_after": now, "created_at": now, **fields}
    return Job.objects.create(**row)


def taken(now, **fields):
    """A job in a worker's hands, and its token."""
    job = make(now, **fields)
    token = job.claim("w", now)
    job.refresh_from_db()
    return job, token


def state(job):
    job.refresh_from_db()
    return job.state


# --- what must not happen


def test_a_job_is_claimed_once(now):
    job = make(now)
    assert job.claim("first", now)
    assert job.claim("second", now) is None
    job.refresh_from_db()
    assert (job.worker, job.attempt) == ("first", 1)


@pytest.mark.parametrize("fields", [{"cancel_requested": True}, {"state": "done"}, {"state": "running"}])
def test_what_is_not_ready_cannot_be_claimed(now, fields):
    job = make(now, **fields)
    assert job not in Job.objects.ready(["cpu"], now)
    assert job.claim("w", now) is None


def test_a_job_is_not_claimed_before_its_time(now):
    job = make(now, run_after=now + timedelta(seconds=1))
    assert job not in Job.objects.ready(["cpu"], now)
    assert job.claim("w", now) is None


VERBS = {
    "beat": lambda job, token, now: job.beat(token, now, progress={"stage": "x"}, tail="x"),
    "finish": lambda job, token, now: job.finish(token, {"x": 1}, now),
    "fail": lambda job, token, now: job.fail(token, "x", now),
    "fail_or_repeat": lambda job, token, now: job.fail_or_repeat(token, "x", now),
    "cancel": lambda job, token, now: job.cancel(token, now),
    "release": lambda job, token, now: job.release(token, now),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_lost_lease_writes_nothing(verb, now):
    job, old = taken(now)
    Job.objects.reap(now + LATER)
    job.claim("next", now + LATER)
    before = Job.objects.filter(pk=job.pk).values().get()
    assert VERBS[verb](job, old, now + LATER) is False
    assert Job.objects.filter(pk=job.pk).values().get() == before


@pytest.mark.parametrize("verb", VERBS)
def test_an_ended_job_cannot_change(verb, now):
    job, token = taken(now)
    job.finish(token, None, now)
    assert VERBS[verb](job, token, now) is False
    assert state(job) == "done"


@pytest.mark.parametrize("verb", VERBS)
def test_a_token_opens_only_its_own_job(verb, now):
    _, token = taken(now)
    other, _ = taken(now)
    assert VERBS[verb](other, token, now) is False
    assert state(other) == "running"


def test_a_kept_lease_is_not_reaped(now, settings):
    job, token = taken(now)
    almost = now + settings.LEASE * 0.9
    assert job.beat(token, almost)
    assert Job.objects.reap(now + settings.LEASE * 1.5) == Reaped(0, 0, 0)
    assert state(job) == "running"


def test_an_ended_job_is_not_cancelled(now):
    job, token = taken(now)
    job.finish(token, None, now)
    assert job.request_cancel(now) is False
    job.refresh_from_db()
    assert (job.state, job.cancel_requested) == ("done", False)


def test_open_jobs_share_no_key(now):
    first = submit("trainer.jobs.train", "Train", dedupe_key="k", run_id=1)
    again = submit("trainer.jobs.train", "Train", dedupe_key="k", run_id=2)
    assert again.pk == first.pk
    assert again.params == {"run_id": 1}


def test_a_retry_does_not_break_the_rule_of_one_open_job_for_a_key(now):
    job, token = taken(now, dedupe_key="k")
    job.fail(token, "x", now)
    submit("trainer.jobs.train", "Train", dedupe_key="k")
    assert job.retry(now) is False
    assert state(job) == "failed"


@pytest.mark.parametrize(
    "work", ["os.system", "trainer.services.record_run", "trainer.jobs._private", "train"]
)
def test_only_job_modules_are_called(work):
    with pytest.raises(catalog.UnknownWork, match="jobs live in"):
        submit(work, "No job")
    assert not Job.objects.exists()


@pytest.mark.parametrize("name", ["Path", "Progress", "os", "absent"])
def test_what_a_job_module_imports_is_no_job(name, settings):
    settings.JOB_MODULES = ["tests.workbench.ledger.works"]
    with pytest.raises(catalog.UnknownWork, match="has no job function"):
        catalog.find(f"tests.workbench.ledger.works.{name}")


# --- what must happen


def test_the_urgent_come_first_then_the_oldest(now):
    second = make(now, created_at=now - timedelta(hours=1))
    third = make(now)
    first = make(now, priority=1)
    make(now, queue="gpu")
    assert list(Job.objects.ready(["cpu"], now)) == [first, second, third]


def test_a_beat_lengthens_the_lease_and_carries_news(now, settings):
    job, token = taken(now)
    later = now + timedelta(seconds=10)
    assert job.beat(token, later, progress={"stage": "train"}, tail="line")
    job.refresh_from_db()
    assert (job.lease_until, job.progress, job.tail) == (later + settings.LEASE, {"stage": "train"}, "line")


@pytest.mark.parametrize(
    ("verb", "ended"),
    [("finish", "done"), ("fail", "failed"), ("cancel", "cancelled"), ("release", "queued")],
)
def test_each_verb_has_its_state_and_gives_up_the_lease(verb, ended, now):
    job, token = taken(now)
    assert VERBS[verb](job, token, now)
    job.refresh_from_db()
    assert (job.state, job.lease_token, job.lease_until) == (ended, None, None)


def test_a_released_attempt_does_not_count(now):
    job, token = taken(now)
    job.release(token, now)
    assert job.claim("next", now)
    job.refresh_from_db()
    assert job.attempt == 1


def test_a_lost_job_returns_to_its_queue_once(now):
    job, _ = taken(now)
    assert Job.objects.reap(now + LATER) == Reaped(requeued=1, failed=0, cancelled=0)
    assert Job.objects.reap(now + LATER) == Reaped(0, 0, 0)
    assert (state(job), job.attempt) == ("queued", 1)


def test_a_job_out_of_attempts_fails_with_a_reason(now):
    job, _ = taken(now, max_attempts=1)
    assert Job.objects.reap(now + LATER) == Reaped(requeued=0, failed=1, cancelled=0)
    assert state(job) == "failed"
    assert "stopped answering in every attempt" in job.error
    assert job.finished_at == now + LATER


@pytest.mark.parametrize(("max_attempts", "expected"), [(2, "queued"), (1, "failed")])
def test_an_attempt_that_something_outside_ended(max_attempts, expected, now):
    job, token = taken(now, max_attempts=max_attempts)
    assert job.fail_or_repeat(token, "out of memory", now)
    job.refresh_from_db()
    assert (job.state, job.attempt, job.error, job.lease_token) == (expected, 1, "out of memory", None)


def test_a_lost_job_that_somebody_cancelled_is_cancelled(now):
    job, _ = taken(now)
    job.request_cancel(now)
    assert Job.objects.reap(now + LATER) == Reaped(requeued=0, failed=0, cancelled=1)
    assert state(job) == "cancelled"


@pytest.mark.parametrize("verb", ["release", "fail_or_repeat"])
def test_a_job_given_back_that_somebody_cancelled_is_cancelled(verb, now):
    job, token = taken(now)
    job.request_cancel(now)
    VERBS[verb](job, token, now)
    assert state(job) == "cancelled"


def test_a_queued_job_is_cancelled_at_once(now):
    job = make(now)
    assert job.request_cancel(now)
    assert (state(job), job.finished_at) == ("cancelled", now)


def test_a_running_job_is_asked(now):
    job, _ = taken(now)
    assert job.request_cancel(now)
    assert (state(job), job.cancel_requested) == ("running", True)


@pytest.mark.parametrize("verb", ["finish", "fail", "cancel"])
def test_an_ended_job_frees_its_key(verb, now):
    job, token = taken(now, dedupe_key="k")
    VERBS[verb](job, token, now)
    assert submit("trainer.jobs.train", "Train", dedupe_key="k").pk != job.pk


def test_jobs_without_a_key_do_not_meet(now):
    assert submit("trainer.jobs.train", "Train").pk != submit("trainer.jobs.train", "Train").pk


@pytest.mark.parametrize(("verb", "again"), [("finish", False), ("fail", True), ("cancel", True)])
def test_what_ended_without_a_result_can_be_tried_again(verb, again, now):
    job, token = taken(now)
    job.request_cancel(now)
    VERBS[verb](job, token, now)
    assert job.retry(now) is again
    assert (Job.objects.ready(["cpu"], now).count() == 1) is again


def test_a_retry_starts_clean(now):
    job, token = taken(now, max_attempts=1)
    job.fail(token, "broken", now)
    job.retry(now)
    job.refresh_from_db()
    assert (job.attempt, job.error, job.finished_at) == (0, "", None)


def test_a_missing_job_is_nobodys(now):
    ghost = Job(pk=uuid.uuid4(), run_after=now, created_at=now)
    assert ghost.claim("w", now) is None
