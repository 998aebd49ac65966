"""When open batches follow a newer model: by themselves, once for each, never the blind ones."""

from datetime import timedelta

import pytest
from django.utils import timezone

from labeling.models import LabelProject, LabelTask, SelectionRound
from tests.trainer import registry_rows
from trainer.models import ModelVersion
from trainer.services import registry
from workbench.ledger.models import Job
from workbench.services import ordering, versions

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(state, now, settings):
    settings.LABEL_STUDIO_URL, settings.LABEL_STUDIO_API_KEY = "", ""
    return registry_rows.make_dataset(now)


def batch(dataset, now, **more):
    """An open project with a task of an earlier model in it."""
    project = LabelProject.objects.create(
        dataset=dataset, ls_id=LabelProject.objects.count() + 1, title="open", created_at=now, **more
    )
    chosen = SelectionRound.objects.create(
        dataset=dataset, strategy="margin", random_share=0.2, seed=1, created_at=now
    )
    sample = dataset.samples.unlabeled().first() or dataset.samples.first()
    type(sample).objects.filter(pk=sample.pk).update(label="")
    LabelTask.objects.create(
        round=chosen,
        sample=sample,
        project=project,
        rank=0,
        score=0,
        reason="",
        ls_task_id=1,
        model_version="old",
    )
    return project


def promoted(dataset, at):
    version = registry_rows.make_version(dataset, at)
    registry.promote(version, "ada", "", at)
    dataset.prediction_sets.get_or_create(
        source=f"run:{version.run_id}",
        defaults={"model_version": f"m{version.pk}", "path": "none.npz", "count": 1, "created_at": at},
    )
    return version


def asked():
    return list(
        Job.objects.filter(work=ordering.RERANK).order_by("created_at").values_list("params", flat=True)
    )


def test_without_a_current_model_nothing_is_ordered(dataset, now):
    batch(dataset, now)
    ordering.tend(timezone.now())
    assert asked() == []
    with pytest.raises(ordering.NothingToOrder, match="has no current model version"):
        ordering.start_reranks(dataset)


@pytest.mark.parametrize(
    "more", [{"blind": True}, {"held_at": timezone.now()}, {"closed_at": timezone.now()}]
)
def test_some_queues_follow_no_model(dataset, now, more):
    batch(dataset, now, **more)
    promoted(dataset, now)
    ordering.tend(timezone.now())
    assert asked() == []


def test_a_promotion_orders_the_open_batch_once_and_a_failure_is_left_to_people(dataset, now):
    project = batch(dataset, now)
    version = promoted(dataset, now)
    for _ in range(3):
        ordering.tend(timezone.now())
        Job.objects.filter(work=ordering.RERANK).update(state=Job.State.FAILED)
    said = dataset.prediction_sets.get(source=f"run:{version.run_id}")
    assert asked() == [{"project_id": project.pk, "prediction_set_id": said.pk}]


def test_it_waits_while_the_model_speaks_of_new_pictures(dataset, now):
    batch(dataset, now)
    scoring = versions.start_scoring(promoted(dataset, now))
    ordering.tend(timezone.now())
    assert asked() == []
    Job.objects.filter(pk=scoring.pk).update(state=Job.State.DONE)
    ordering.tend(timezone.now())
    assert len(asked()) == 1


def test_a_roll_back_and_later_tasks_order_it_again(dataset, now):
    project = batch(dataset, now)
    first = promoted(dataset, now)
    second = promoted(dataset, now + timedelta(minutes=1))
    ordering.tend(timezone.now())
    registry.roll_back(dataset, "ada", now + timedelta(minutes=2))
    assert registry.current(dataset) == ModelVersion.objects.get(pk=first.pk)
    ordering.tend(timezone.now())
    Job.objects.filter(work=ordering.RERANK).update(state=Job.State.DONE)
    assert [one["prediction_set_id"] for one in asked()] == [
        dataset.prediction_sets.get(source=f"run:{version.run_id}").pk for version in (second, first)
    ]
    LabelProject.objects.filter(pk=project.pk).update(reranked_at=timezone.now())
    ordering.tend(timezone.now())
    assert len(asked()) == 3


def test_the_command_asks_anew(dataset, now):
    batch(dataset, now)
    promoted(dataset, now)
    ordering.tend(timezone.now())
    Job.objects.filter(work=ordering.RERANK).update(state=Job.State.FAILED)
    assert [job.state for job in ordering.start_reranks(dataset)] == [Job.State.QUEUED]
