"""A blind review against the real server: nothing of the labels in doubt is told, and the answers decide."""

from datetime import UTC, datetime

import pytest
from PIL import Image

from labeling import jobs
from labeling.models import Dataset, LabelIssue, Sample
from labeling.progress import silent
from labeling.services import exchange, opinions, reviews
from tests.labeling.opinion_rows import predict, say

pytestmark = [pytest.mark.label_studio, pytest.mark.django_db]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def dataset(label_studio, settings, tmp_path):
    """Two labeled pictures, both labels in doubt."""
    settings.LABEL_STUDIO_URL, settings.LABEL_STUDIO_DIR = "", label_studio.folder
    settings.LABEL_STUDIO_PORT = int(label_studio.url.rpartition(":")[2])
    settings.MEDIA_ROOT, settings.STATE_DIR = label_studio.media, tmp_path
    dataset = Dataset.objects.create(name="Reviewed", classes=["cat", "dog"], created_at=NOW)
    for number in range(2):
        file = f"{dataset.pk}/{number}.png"
        (label_studio.media / file).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(label_studio.media / file)
        sample = Sample.objects.create(
            dataset=dataset, key=f"{number:064x}", name=file, file=file, width=8, height=8, added_at=NOW
        )
        say(sample, "cat")
        LabelIssue.objects.create(
            sample=sample, given="cat", proposed="dog", score=0.1, confidence=0.9, created_at=NOW
        )
    opinions.settle_labels(dataset)
    return dataset


def test_a_review_is_blind_and_its_answers_decide(dataset, studio, people, admin):
    predict(dataset, {s.pk: [0.1, 0.9] for s in dataset.samples.all()}, NOW)
    usual = exchange.open_project(dataset, 1, studio, NOW)
    made = reviews.send(dataset, list(reviews.open_issues(dataset).values_list("pk", flat=True)), now=NOW)
    assert jobs.push(silent, round_id=made.pk)["tasks"] == 2
    project = dataset.projects.get(blind=True)
    assert project.pk != usual.pk
    assert admin.get(f"/api/projects/{project.ls_id}/").json()["show_collab_predictions"] is False
    first = people["ann1"].next_task(project.ls_id)
    task = admin.get(f"/api/tasks/{first.id}/").json()
    assert (task["predictions"], task["annotations"]) == ([], [])
    assert not {"cat", "dog"} & set(map(str, task["data"].values()))
    people["ann1"].submit(first, "dog")
    people["ann2"].submit(people["ann2"].next_task(project.ls_id), "cat")
    jobs.sync(silent, dataset_id=dataset.pk)
    assert sorted(LabelIssue.objects.values_list("state", "verdict")) == [
        ("confirmed", "dog"),
        ("dismissed", "cat"),
    ]
    assert sorted(dataset.samples.values_list("label", flat=True)) == ["cat", "dog"]
    assert exchange.open_project(dataset, 1, studio, NOW).pk == usual.pk
