"""When versions are judged and the current one speaks again: by itself, and once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.trainer import registry_rows
from trainer.models import ModelVersion, Promotion
from trainer.services import registry
from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job
from workbench.models import RetrainDecision, RetrainRule
from workbench.services import versions, work
from workbench.services.dataset_jobs import open_jobs_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(state, now):
    return registry_rows.make_dataset(now)


def asked(kind):
    return Job.objects.filter(work=kind).count()


def imported(dataset, taken, at):
    job = submit("labeling.jobs.import_folder", "Import", dataset_id=dataset.pk)
    Job.objects.filter(pk=job.pk).update(state=Job.State.DONE, finished_at=at, result={"taken": taken})


def current_one(dataset, at):
    version = registry_rows.make_version(dataset, at)
    registry.promote(version, "ada", "", at)
    return version


def end_all():
    Job.objects.exclude(state=Job.State.DONE).update(state=Job.State.FAILED)


def test_without_versions_nothing_is_asked(dataset):
    imported(dataset, 5, timezone.now())
    versions.tend(timezone.now())
    assert asked(versions.JUDGE) == asked(versions.SCORE) == 0


def test_a_version_that_could_not_be_judged_is_not_judged_for_ever(dataset, now):
    registry_rows.make_version(dataset, now)
    for _ in range(3):
        versions.tend(timezone.now())
        end_all()
    assert asked(versions.JUDGE) == 1


def test_a_judged_candidate_is_left_alone(dataset, now):
    registry.gate(registry_rows.make_version(dataset, now, range(30)), now)
    versions.tend(timezone.now())
    assert asked(versions.JUDGE) == 0


def test_an_import_that_took_nothing_is_no_news(dataset, now):
    current_one(dataset, now - timedelta(days=2))
    imported(dataset, 0, timezone.now())
    versions.tend(timezone.now())
    assert asked(versions.SCORE) == 0


def test_scoring_that_failed_is_not_tried_for_ever(dataset):
    current_one(dataset, timezone.now())
    for _ in range(3):
        versions.tend(timezone.now())
        end_all()
    assert asked(versions.SCORE) == 1


def test_a_new_candidate_is_judged_and_may_be_promoted(dataset, now):
    version = registry_rows.make_version(dataset, now)
    versions.tend(timezone.now())
    job = Job.objects.get(work=versions.JUDGE)
    assert job.params == {"version_id": version.pk, "promote": True}
    assert job in open_jobs_of(dataset)


@pytest.mark.parametrize(("promote", "may"), [("never", False), ("gate", True)])
def test_a_retrain_rule_may_leave_its_versions_to_people(promote, may, dataset, now):
    version = registry_rows.make_version(dataset, now)
    RetrainRule.objects.create(dataset=dataset, promote=promote, since=now, changed_at=now)
    RetrainDecision.objects.create(dataset=dataset, at=now, started=True, facts={}).runs.add(version.run)
    versions.tend(timezone.now())
    assert Job.objects.get(work=versions.JUDGE).params["promote"] is may


def test_new_pictures_and_a_promotion_make_the_current_version_speak_once_each(dataset):
    version = current_one(dataset, timezone.now())
    versions.tend(timezone.now())
    assert [job.params for job in Job.objects.filter(work=versions.SCORE)] == [{"version_id": version.pk}]
    end_all()
    imported(dataset, 3, timezone.now())
    for _ in range(2):
        versions.tend(timezone.now())
    assert asked(versions.SCORE) == 2


def test_after_a_roll_back_the_version_before_speaks(dataset):
    first, second = current_one(dataset, timezone.now()), current_one(dataset, timezone.now())
    versions.tend(timezone.now())
    end_all()
    registry.roll_back(dataset, "ada", timezone.now())
    versions.tend(timezone.now())
    spoke = Job.objects.filter(work=versions.SCORE).order_by("created_at")
    assert [job.params["version_id"] for job in spoke] == [second.pk, first.pk]


def test_the_next_round_follows_the_current_version_and_not_the_best_run(dataset, now):
    version = registry_rows.make_version(dataset, now, range(9))
    better = registry_rows.make_version(dataset, now, range(2))
    assert work.best_predictions(dataset).source == f"run:{better.run_id}"
    registry.promote(version, "ada", "", now)
    assert work.best_predictions(dataset).source == f"run:{version.run_id}"


def test_the_look_costs_the_same_with_many_jobs(dataset, django_assert_num_queries):
    version = current_one(dataset, timezone.now())
    for number in range(3):
        submit(versions.SCORE, "Score", dedupe_key=str(number), version_id=version.pk)
        imported(dataset, 0, timezone.now())
    with django_assert_num_queries(5):
        versions.tend(timezone.now())
    assert Promotion.objects.count() == ModelVersion.objects.count() == 1
