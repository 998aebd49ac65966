"""The two jobs, from settings to rows."""

from datetime import UTC, datetime

import pytest
from PIL import Image

from labeling import jobs
from labeling.label_studio.shapes import StudioError
from labeling.models import Dataset, LabelTask, Sample, SelectionRound
from labeling.progress import silent

pytestmark = [pytest.mark.label_studio, pytest.mark.django_db]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def embedded(label_studio, settings):
    """Settings as an installation has them whose own server runs."""
    settings.LABEL_STUDIO_URL = ""
    settings.LABEL_STUDIO_DIR = label_studio.folder
    settings.LABEL_STUDIO_PORT = int(label_studio.url.rpartition(":")[2])
    settings.MEDIA_ROOT = label_studio.media


@pytest.fixture
def chosen(label_studio):
    """A round of two pictures, not sent yet."""
    dataset = Dataset.objects.create(name="Jobs", classes=["cat", "dog"], created_at=NOW)
    made = SelectionRound.objects.create(
        dataset=dataset, strategy="random", overlap=1, random_share=1, seed=1, created_at=NOW
    )
    for number in range(2):
        file = f"{dataset.pk}/{number}.png"
        (label_studio.media / file).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(label_studio.media / file)
        sample = Sample.objects.create(
            dataset=dataset, key=f"{number:064x}", name=file, file=file, width=8, height=8, added_at=NOW
        )
        LabelTask.objects.create(round=made, sample=sample, rank=number, score=number / 2, reason="a test")
    return made


@pytest.mark.parametrize(("job", "name"), [(jobs.push, "round_id"), (jobs.sync, "dataset_id")])
def test_rows_that_are_gone_are_no_error(job, name):
    assert job(silent, **{name: 99_999}) is None


def test_without_any_server_the_job_says_what_to_do(chosen, settings, tmp_path):
    settings.LABEL_STUDIO_DIR = tmp_path
    with pytest.raises(StudioError, match=r"`manage\.py up` starts it"):
        jobs.push(silent, round_id=chosen.pk)


def test_a_failure_shows_on_the_project(chosen, embedded, settings):
    jobs.push(silent, round_id=chosen.pk)
    settings.LABEL_STUDIO_PORT = 9
    for job, row in ((jobs.sync, {"dataset_id": chosen.dataset_id}), (jobs.push, {"round_id": chosen.pk})):
        chosen.dataset.projects.update(error="")
        with pytest.raises(StudioError, match="does not answer"):
            job(silent, **row)
        assert "does not answer" in chosen.dataset.projects.get().error


@pytest.mark.parametrize("kind", ["embedded", "outside"])
def test_out_and_back(chosen, embedded, settings, label_studio, people, kind):
    settings.LABEL_STUDIO_URL = {"embedded": "", "outside": label_studio.url}[kind]
    settings.LABEL_STUDIO_API_KEY = label_studio.keys.token
    pushed = jobs.push(silent, round_id=chosen.pk)
    project = chosen.dataset.projects.get()
    assert pushed == {"project_id": project.pk, "tasks": 2}
    people["ann1"].submit(people["ann1"].next_task(project.ls_id), "dog")
    came = jobs.sync(silent, dataset_id=chosen.dataset_id)
    assert came == {"created": 1, "updated": 0, "deleted": 0, "removed_tasks": 0}
    assert [s.label for s in chosen.dataset.samples.order_by("pk")] == ["dog", ""]
