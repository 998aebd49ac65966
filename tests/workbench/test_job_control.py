"""Stopping a run and running it again, by its service and by its page."""

import json

import pytest
from django.urls import reverse

from trainer.models import Run
from trainer.services import runs
from workbench.ledger.models import Job
from workbench.services import job_control, upkeep, work
from workbench.views import live

pytestmark = pytest.mark.django_db
TRAIL = [{"step": 4, "loss": 1.25, "accuracy": 0.5}, {"step": 8, "loss": 0.75, "accuracy": 0.625}]


@pytest.fixture
def job(rows):
    return work.start_training(Run.objects.first().dataset, "plain", seed=1)


@pytest.fixture
def run(job):
    return Run.objects.get(job=str(job.pk))


def at_work(job, run, **fields):
    """The row as a worker writes it in the middle of a training."""
    progress = {"stage": "training", "done": 8, "total": 100, "values": {"loss": 0.75, "accuracy": 0.625}}
    used = {
        "cpu_s": 61.0,
        "rss_mib": 410.2,
        "peak_mib": 455.0,
        "per_s": 12.5,
        "left_s": 7.4,
        "gpu_mib": 1234.0,
    }
    Job.objects.filter(pk=job.pk).update(
        **{"state": "running", "attempt": 1, "progress": progress, "resources": used, "trail": TRAIL} | fields
    )
    Run.objects.filter(pk=run.pk).update(state="running")


def end(job, state, now, **fields):
    Job.objects.filter(pk=job.pk).update(state=state, finished_at=now, **fields)
    upkeep.settle_runs(now)


def text_of(client, run):
    return client.get(reverse("run", args=[run.pk])).content.decode()


def history(text):
    """The points of the loss that the page's chart begins with."""
    found = text.partition('<script id="history-options" type="application/json">')[2].partition("</script>")[
        0
    ]
    return json.loads(found)["light"]["series"][0]["data"]


# --- what must not happen


@pytest.mark.parametrize("stands", ["queued", "running", "done"])
def test_only_what_failed_or_was_cancelled_runs_again(stands, job, run, now):
    Job.objects.filter(pk=job.pk).update(state=stands)
    assert not job_control.retry(job, now)
    assert Run.objects.get(pk=run.pk).state == Run.State.WAITING


def test_a_run_that_is_done_is_never_reopened(run):
    Run.objects.filter(pk=run.pk).update(state=Run.State.DONE)
    runs.reopen(run.pk)
    assert Run.objects.get(pk=run.pk).state == Run.State.DONE


def test_a_finished_run_offers_neither(rows, sign_in):
    text = text_of(sign_in("admin"), Run.objects.get(pk=rows.run))
    assert ("Cancel" in text, "Run again" in text) == (False, False)


@pytest.mark.parametrize("name", ["run-cancel", "run-retry"])
def test_what_cannot_be_done_is_a_sentence(name, rows, sign_in):
    answer = sign_in("admin").post(reverse(name, args=[rows.run]), follow=True)
    assert "notice-error" in answer.content.decode()
    assert Run.objects.get(pk=rows.run).state == Run.State.DONE


@pytest.mark.parametrize("stands", ["queued", "running", "failed"])
def test_an_engineer_watches_and_is_offered_nothing(stands, job, run, sign_in, now):
    end(job, stands, now)
    text = text_of(sign_in("engineer"), run)
    assert ("Cancel</button>" in text, "Run again" in text) == (False, False)


# --- what must happen


def test_a_waiting_run_is_cancelled_at_once_and_can_run_again(job, run, sign_in):
    client = sign_in("admin")
    text = client.post(reverse("run-cancel", args=[run.pk]), follow=True).content.decode()
    assert Run.objects.get(pk=run.pk).state == Run.State.CANCELLED
    assert ("Run again" in text, "Cancel</button>" in text) == (True, False)
    text = client.post(reverse("run-retry", args=[run.pk]), follow=True).content.decode()
    again = Run.objects.get(pk=run.pk)
    assert (again.state, again.error, again.finished_at, again.seed) == (Run.State.WAITING, "", None, 1)
    assert Job.objects.get(pk=job.pk).state == Job.State.QUEUED
    assert "Cancel</button>" in text


def test_a_run_at_work_is_asked_to_stop(job, run, sign_in):
    at_work(job, run)
    text = sign_in("admin").post(reverse("run-cancel", args=[run.pk]), follow=True).content.decode()
    assert Job.objects.get(pk=job.pk).cancel_requested
    assert (">stopping<" in text, "Cancel</button>" in text) == (True, False)


def test_a_reload_in_the_middle_shows_the_curve_so_far(job, run, sign_in):
    at_work(job, run)
    client = sign_in("engineer")
    assert history(text_of(client, run)) == [[4, 1.25], [8, 0.75]]
    assert client.get(reverse("api:run", args=[run.pk])).json()["history"]["history"] == TRAIL


def test_a_point_without_a_figure_is_left_out(job, run, sign_in):
    at_work(job, run, trail=[*TRAIL, {"step": 9, "loss": None, "accuracy": 0.1}, {"step": 10, "labels": 3.0}])
    assert history(text_of(sign_in("engineer"), run)) == [[4, 1.25], [8, 0.75]]


def test_what_a_training_uses_is_shown_live(job, run):
    at_work(job, run)
    html = live.draw(live.Topic(job.pk)).html
    words = " ".join(html.replace("<strong>", "").replace("</strong>", "").split())
    assert "about 7.4 s left" in words
    assert "400 pictures a second" in words  # 12.5 steps of 32
    assert "CPU time 1 min 01 s" in words
    assert "memory 410 MiB, at most 455" in words
    assert "GPU memory at most 1,234 MiB" in words


def test_what_was_not_measured_is_not_shown(job, run):
    at_work(job, run, resources={})
    html = live.draw(live.Topic(job.pk)).html
    assert ("CPU time" in html, "pictures a second" in html) == (False, False)


def test_a_failed_run_keeps_its_curve_and_its_log(job, run, sign_in, now):
    at_work(job, run)
    end(job, Job.State.FAILED, now, tail="<b>last words</b>", error="It diverged.")
    text = text_of(sign_in("admin"), run)
    assert history(text) == [[4, 1.25], [8, 0.75]]
    assert "&lt;b&gt;last words" in text
    assert "Run again" in text
