"""What happens by the clock: runs end with their job, and what moved in Label Studio is fetched."""

from datetime import timedelta

import pytest
from PIL import Image

from labeling.models import Dataset, LabelProject, Sample, SelectionRound
from labeling.progress import silent
from labeling.services import choice, exchange
from trainer.models import Run
from workbench.ledger.models import Job
from workbench.services import upkeep, work


@pytest.fixture
def dataset(db, state, now):
    return Dataset.objects.create(name="Pets", classes=["cat", "dog"], created_at=now)


def end(job: Job, state: Job.State, now, error: str = "") -> None:
    Job.objects.filter(pk=job.pk).update(state=state, error=error, finished_at=now)


def test_runs_of_jobs_at_work_are_left_alone(dataset, now):
    work.start_training(dataset, "plain", seed=1)
    upkeep.settle_runs(now)
    assert Run.objects.get().state == Run.State.WAITING


@pytest.mark.parametrize("ending", ["failed", "cancelled"])
def test_a_run_ends_with_its_job(dataset, now, ending):
    job = work.start_training(dataset, "plain", seed=1)
    end(job, Job.State(ending), now, "The machine was switched off.")
    upkeep.settle_runs(now)
    run = Run.objects.get()
    assert (run.state, run.error, run.finished_at) == (ending, "The machine was switched off.", now)


def test_a_finished_run_is_not_reopened_by_a_late_cancel(dataset, now):
    job = work.start_training(dataset, "plain", seed=1)
    Run.objects.update(state=Run.State.DONE)
    end(job, Job.State.CANCELLED, now)
    upkeep.settle_runs(now)
    assert Run.objects.get().state == Run.State.DONE


def test_without_a_label_studio_nothing_is_queued(dataset, settings, tmp_path, now):
    settings.LABEL_STUDIO_DIR = tmp_path / "none"
    upkeep.poll_label_studio(now)
    assert not Job.objects.exists()


def test_a_silent_server_is_noted_once_and_nothing_is_queued(dataset, settings, now):
    settings.LABEL_STUDIO_URL, settings.LABEL_STUDIO_API_KEY = "http://127.0.0.1:9", "0" * 40
    project = LabelProject.objects.create(
        dataset=dataset, server_url="http://127.0.0.1:9", ls_id=1, title="Pets", created_at=now
    )
    upkeep.poll_label_studio(now)
    project.refresh_from_db()
    assert "No Label Studio answers" in project.error
    assert not Job.objects.exists()


@pytest.fixture
def waiting(dataset, label_studio, settings, now):
    """A round of two pictures that has not been sent; a real Label Studio is up."""
    settings.LABEL_STUDIO_DIR, settings.MEDIA_ROOT = label_studio.folder, label_studio.media
    settings.LABEL_STUDIO_PORT = int(label_studio.url.rpartition(":")[2])
    for number in range(2):
        file = f"work-{dataset.pk}/{number}.png"
        (label_studio.media / file).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), (90 * number, 80, 90)).save(label_studio.media / file)
        fields = {"key": f"{number:064x}", "name": file, "file": file, "width": 8, "height": 8}
        Sample.objects.create(dataset=dataset, added_at=now, **fields)
    return choice.choose_next(
        dataset, count=2, strategy="random", random_share=1.0, overlap=1, seed=1, now=now
    )


@pytest.fixture
def queued(waiting, studio, now):
    """The round in Label Studio's queue, as the last sync left it."""
    project = exchange.push_round(waiting, studio, now, silent)
    exchange.pull_annotations(project, studio, now, silent)
    return project


@pytest.mark.label_studio
def test_a_sync_is_queued_when_something_moved_and_only_then(queued, people, now):
    upkeep.poll_label_studio(now)
    assert not Job.objects.exists()
    task = people["ann1"].next_task(queued.ls_id)
    people["ann1"].submit(task, "cat")
    upkeep.poll_label_studio(now)
    upkeep.poll_label_studio(now)
    assert [job.work for job in Job.objects.all()] == ["labeling.jobs.sync"]


@pytest.mark.label_studio
def test_a_round_that_did_not_get_through_is_sent_again_and_not_at_once(waiting, now):
    work.start_push(waiting)
    Job.objects.update(state=Job.State.FAILED, created_at=now)
    upkeep.poll_label_studio(now + upkeep.RESEND / 2)
    assert Job.objects.count() == 1
    upkeep.poll_label_studio(now + upkeep.RESEND + timedelta(seconds=1))
    again = Job.objects.get(state=Job.State.QUEUED)
    assert (again.work, again.params) == (upkeep.PUSH, {"round_id": waiting.pk})
    assert SelectionRound.objects.count() == 1


@pytest.mark.label_studio
def test_a_round_whose_sending_was_cancelled_stays_where_it_is(waiting, now):
    work.start_push(waiting)
    Job.objects.update(state=Job.State.CANCELLED, created_at=now)
    upkeep.poll_label_studio(now + 10 * upkeep.LONGEST_PATIENCE)
    assert Job.objects.count() == 1


def test_a_run_whose_job_is_gone_is_closed(dataset, now):
    work.start_training(dataset, "plain", seed=1).delete()
    upkeep.settle_runs(now)
    assert (Run.objects.get().state, Run.objects.get().error) == (Run.State.FAILED, upkeep.GONE)
