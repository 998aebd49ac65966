"""When labels are searched for errors: after a cross-validation, on a command, once each."""

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from labeling.models import Dataset
from labeling.services import reviews
from tests.labeling.opinion_rows import add, predict
from trainer.engine.recipe import NAMED
from trainer.services import runs
from workbench.ledger import catalog
from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job
from workbench.services import dataset_jobs, reviewing, work
from workbench.services.reviewing import NoPredictions

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(state, now):
    return Dataset.objects.create(name="Coins", classes=["head", "tail"], created_at=now)


def validated(dataset, now):
    run = runs.open_run(dataset, NAMED["plain"], 1, "plain", now)
    job = submit(work.OUT_OF_FOLD, "Out of fold", run_id=run.pk)
    Job.objects.filter(pk=job.pk).update(
        state=Job.State.DONE, finished_at=timezone.now(), result={"run": run.pk}
    )


def asked():
    return [job.params for job in Job.objects.filter(work=reviewing.ISSUES)]


def test_without_unseen_predictions_nothing_starts(dataset, now):
    predict(dataset, {1: [1, 0]}, now, source="run:2")
    validated(dataset, now)
    reviewing.search_after_folds(timezone.now())
    with pytest.raises(NoPredictions, match="Out-of-fold predictions"):
        reviewing.start_search(dataset)
    with pytest.raises(CommandError, match="Out-of-fold predictions"):
        call_command("label_issues", "Coins")
    assert asked() == []


def test_a_cross_validation_leads_to_a_search_once(dataset, now):
    unseen = predict(dataset, {1: [1, 0]}, now)
    validated(dataset, now)
    for _ in range(2):
        reviewing.search_after_folds(timezone.now())
        Job.objects.filter(work=reviewing.ISSUES).update(state=Job.State.DONE)
    assert asked() == [{"dataset_id": dataset.pk, "prediction_set_id": unseen.pk}]
    validated(dataset, now)
    reviewing.search_after_folds(timezone.now())
    assert len(asked()) == 2


def test_asked_for_twice_it_is_one_job(dataset, now):
    predict(dataset, {1: [1, 0]}, now)
    job = reviewing.start_search(dataset, requested_by="ada")
    assert job in dataset_jobs.open_jobs_of(dataset)
    assert reviewing.start_search(dataset).pk == job.pk


def test_what_the_command_starts_finds_the_wrong_label(dataset, now, monkeypatch):
    samples = add(dataset, [f"{number:02d}" for number in range(40)], now)
    for number, sample in enumerate(samples):
        sample.label = dataset.classes[number % 2 if number != 7 else 0]
        sample.save()
    predict(dataset, {one.pk: [0.9, 0.1][:: 1 if n % 2 == 0 else -1] for n, one in enumerate(samples)}, now)
    seen = []
    monkeypatch.setattr(
        "workbench.management.commands.label_issues.Command.see_through", lambda *a: seen.append(a[1:])
    )
    call_command("label_issues", "Coins", "--here")
    ((job, here),) = seen
    told = catalog.find(job.work)(lambda progress: None, **job.params)
    assert (here, told) == (True, {"labels": 40, "issues": 1, "open": 1})
    (issue,) = reviews.open_issues(dataset)
    assert (issue.sample, issue.given, issue.proposed) == (samples[7], "head", "tail")
