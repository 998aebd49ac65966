"""When labels are settled by a method: after a cross-validation, on a command, once each."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from labeling.models import Dataset, Settlement
from labeling.services import consensus, opinions
from tests.labeling.opinion_rows import add, predict, say
from trainer.engine.recipe import NAMED
from trainer.services import runs
from workbench.ledger import catalog
from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job
from workbench.services import dataset_jobs, settling, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(state, now):
    return Dataset.objects.create(name="Coins", classes=["head", "tail"], created_at=now)


def validated(dataset, now, at, state=Job.State.DONE, result=True):
    """A run whose cross-validation ended."""
    run = runs.open_run(dataset, NAMED["plain"], 1, "plain", now)
    job = submit(work.OUT_OF_FOLD, "Out of fold", run_id=run.pk)
    told = {"run": run.pk, "accuracy": {}, "n": 9} if result else None
    Job.objects.filter(pk=job.pk).update(state=state, finished_at=at, result=told)
    return run


def asked():
    return [job.params for job in Job.objects.filter(work=settling.CONSENSUS)]


@pytest.mark.parametrize(("state", "result"), [(Job.State.FAILED, True), (Job.State.DONE, False)])
def test_a_cross_validation_that_gave_nothing_settles_nothing(state, result, dataset, now):
    validated(dataset, now, timezone.now(), state, result)
    settling.settle_after_folds(timezone.now())
    assert asked() == []


def test_old_news_settles_nothing(dataset, now):
    validated(dataset, now, timezone.now())
    settling.settle_after_folds(timezone.now() + settling.RECENT + timedelta(seconds=1))
    assert asked() == []


def test_a_cross_validation_leads_to_consensus_once(dataset, now):
    validated(dataset, now, timezone.now())
    Dataset.objects.create(name="Other coins", created_at=now)
    for _ in range(2):
        settling.settle_after_folds(timezone.now())
        Job.objects.filter(work=settling.CONSENSUS).update(state=Job.State.DONE)
    assert [(one["dataset_id"], one["method"]) for one in asked()] == [(dataset.pk, "best")]
    validated(dataset, now, timezone.now())
    settling.settle_after_folds(timezone.now())
    assert len(asked()) == 2


def test_the_method_last_asked_for_is_kept(dataset, now):
    Settlement.objects.create(
        dataset=dataset, asked="dawid-skene", method="dawid-skene", samples=1, changed=0, created_at=now
    )
    validated(dataset, now, timezone.now())
    settling.settle_after_folds(timezone.now())
    assert [one["method"] for one in asked()] == ["dawid-skene"]


def test_looking_costs_the_same_with_many_cross_validations(dataset, now, django_assert_num_queries):
    for _ in range(3):
        validated(dataset, now, timezone.now())
    settling.settle_after_folds(timezone.now())
    with django_assert_num_queries(3):
        settling.settle_after_folds(timezone.now())


def test_an_unknown_method_starts_nothing(dataset):
    with pytest.raises(ValueError, match="got 'vote'"):
        settling.start_consensus(dataset, "vote")
    with pytest.raises(CommandError, match="invalid choice: 'vote'"):
        call_command("consensus", "Coins", "--method", "vote")
    assert asked() == []


def test_only_predictions_that_no_model_had_seen_have_a_say(dataset, now):
    unseen = predict(dataset, {1: [1, 0]}, now)
    predict(dataset, {1: [1, 0]}, now, source="run:2")
    job = settling.start_consensus(dataset)
    assert job.params["prediction_set_id"] == unseen.pk
    assert job in dataset_jobs.open_jobs_of(dataset)
    assert settling.start_consensus(dataset).pk == job.pk


def test_what_the_command_starts_settles(dataset, now, monkeypatch):
    samples = add(dataset, [f"{number}" for number in range(8)], now)
    for number, sample in enumerate(samples):
        for who in ("ann", "bob"):
            say(sample, dataset.classes[number % 2], who)
    opinions.settle_labels(dataset)
    predict(dataset, {one.pk: [0.9, 0.1] if n % 2 == 0 else [0.1, 0.9] for n, one in enumerate(samples)}, now)
    seen = []
    monkeypatch.setattr(
        "workbench.management.commands.consensus.Command.see_through", lambda *a: seen.append(a[1:])
    )
    call_command("consensus", "Coins", "--here")
    ((job, here),) = seen
    told = catalog.find(job.work)(lambda progress: None, **job.params)
    assert (here, told) == (True, {"method": "crowdlab", "samples": 8, "changed": 0, "note": ""})
    assert dataset.settlements.first().asked == consensus.BEST
