"""When pictures are inspected: after an import, once for what came before there were inspections."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone
from PIL import Image

from labeling.models import Dataset, Sample
from labeling.quality.models import PictureIssue
from labeling.services import pictures
from workbench.ledger import catalog
from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job
from workbench.services import dataset_jobs, follow_up, inspecting

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(now):
    return Dataset.objects.create(name="Coins", classes=["head", "tail"], created_at=now)


def add(dataset, now, *, group, measures=None):
    return Sample.objects.create(
        dataset=dataset, key=f"{Sample.objects.count()}", name="x", file="x", width=8, height=8,
        duplicate_group=group, measures=measures, added_at=now,
    )  # fmt: skip


def imported(dataset, state=Job.State.DONE):
    job = submit(follow_up.IMPORT, "Import", dataset_id=dataset.pk, folder="x", labels_csv="")
    Job.objects.filter(pk=job.pk).update(state=state, finished_at=timezone.now())


def asked():
    return [job.params["dataset_id"] for job in Job.objects.filter(work=inspecting.INSPECTION)]


def end():
    Job.objects.filter(work=inspecting.INSPECTION).update(state=Job.State.DONE)


def test_an_import_that_failed_or_runs_asks_for_nothing(dataset, now):
    imported(dataset, Job.State.FAILED)
    add(dataset, now, group="")
    inspecting.inspect_after_imports(timezone.now())
    assert asked() == []


def test_an_empty_dataset_and_an_inspected_one_are_left_alone(dataset, now):
    other = Dataset.objects.create(name="Seen", created_at=now)
    add(other, now, group="a", measures={"version": 1})
    inspecting.inspect_after_imports(timezone.now())
    assert asked() == []


def test_each_import_leads_to_one_inspection(dataset):
    imported(dataset)
    for _ in range(2):
        inspecting.inspect_after_imports(timezone.now())
        end()
    assert asked() == [dataset.pk]
    imported(dataset)
    inspecting.inspect_after_imports(timezone.now())
    assert len(asked()) == 2


def test_pictures_from_before_are_inspected_and_tried_again_a_day_later(dataset, now):
    add(dataset, now, group="a")
    for _ in range(2):
        inspecting.inspect_after_imports(timezone.now())
        end()
    assert asked() == [dataset.pk]
    inspecting.inspect_after_imports(timezone.now() + timedelta(days=1, seconds=1))
    assert len(asked()) == 2


def test_looking_takes_few_queries_however_many_imports(dataset, now, django_assert_max_num_queries):
    for number in range(8):
        other = Dataset.objects.create(name=f"Set {number}", created_at=now)
        add(other, now, group="a", measures={"version": 1})
    with django_assert_max_num_queries(4):
        inspecting.inspect_after_imports(timezone.now())


def test_asked_for_twice_it_is_one_job(dataset):
    job = inspecting.start_inspection(dataset, requested_by="ada")
    assert inspecting.start_inspection(dataset).pk == job.pk
    assert job in dataset_jobs.open_jobs_of(dataset)


def test_what_the_command_starts_finds_the_blank_picture(dataset, state, now, monkeypatch):
    folder = state / "in"
    folder.mkdir()
    Image.new("RGB", (64, 64), "gray").save(folder / "cap.png")
    Image.effect_noise((64, 64), 80).convert("RGB").save(folder / "noise.png")
    pictures.import_images(dataset, folder, now=now)
    seen = []
    monkeypatch.setattr(
        "workbench.management.commands.inspect_pictures.Command.see_through", lambda *a: seen.append(a[1:])
    )
    call_command("inspect_pictures", "Coins", "--here")
    ((job, here),) = seen
    told = catalog.find(job.work)(lambda progress: None, **job.params)
    assert (here, told["measured"], told["blank"]) == (True, 2, 1)
    assert PictureIssue.objects.get().sample.name == "cap.png"
