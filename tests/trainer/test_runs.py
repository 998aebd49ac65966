import shlex
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from labeling.models import Dataset, PredictionSet, Sample
from labeling.services import choice
from trainer.engine import metrics
from trainer.engine.predictions import TestPredictions
from trainer.engine.recipe import NAMED
from trainer.models import Run
from trainer.services import runs

pytestmark = pytest.mark.django_db
TESTED = 12


@pytest.fixture
def dataset(state, now):
    """Two classes: 12 test samples, 20 labeled (15 of "a"), 5 waiting."""
    made = Dataset.objects.create(name="it's two", classes=["a", "b"], created_at=now)
    kinds = [("test", "ab"[i % 2]) for i in range(TESTED)]
    kinds += [("train", "a")] * 15 + [("train", "b")] * 5 + [("train", "")] * 5
    Sample.objects.bulk_create(
        Sample(
            dataset=made,
            key=f"{i:064d}",
            name=f"{i}.png",
            file=f"{i}.png",
            width=8,
            height=8,
            split=split,
            label=label,
            added_at=now,
        )
        for i, (split, label) in enumerate(kinds)
    )
    return made


def open_run(dataset, now, name="plain"):
    return runs.open_run(dataset, NAMED[name], 7, name, now)


def result(dataset, wrong=(), keys=None):
    """What a training with these wrong test items hands in."""
    snapshot = choice.freeze(dataset)
    rows = snapshot.test_rows
    calls = snapshot.labels[rows] ^ np.isin(np.arange(len(rows)), wrong)
    probs = np.where(np.eye(2)[calls] > 0, 0.9, 0.1).astype(np.float32)
    tested = TestPredictions(
        keys=np.array(keys or [snapshot.keys[row] for row in rows]),
        labels=snapshot.labels[rows],
        probs=probs,
        classes=np.array(snapshot.classes),
    )
    return runs.Result(
        report=metrics.evaluate(probs, tested.labels, np.random.default_rng(0)),
        tested=tested,
        history=[{"step": 1, "loss": 0.5, "accuracy": 0.5}],
        receipt={"device": "cpu"},
        ids=snapshot.ids[rows],
        probs=probs,
    )


def finished(dataset, state, now, **more):
    """A run that is done, with its predictions on disk."""
    run = runs.begin(open_run(dataset, now).pk, now)
    made = result(dataset, **more)
    folder = state / runs.folder(run)
    folder.mkdir(parents=True)
    made.tested.save(folder / runs.PREDICTIONS)
    assert runs.record_run(run, made, now)
    run.refresh_from_db()
    return run


# --- what must not happen


def test_a_run_that_is_gone_or_done_does_not_begin(dataset, state, now):
    assert runs.begin(0, now) is None
    run = finished(dataset, state, now)
    assert runs.begin(run.pk, now) is None
    run.refresh_from_db()
    assert run.state == Run.State.DONE


def test_an_attempt_that_was_taken_over_records_nothing(dataset, now):
    run = open_run(dataset, now)
    first = runs.begin(run.pk, now)
    second = runs.begin(run.pk, now)
    assert not runs.record_run(first, result(dataset), now)
    assert not PredictionSet.objects.exists()
    assert runs.record_run(second, result(dataset), now)


def test_a_run_cancelled_meanwhile_stays_cancelled(dataset, now):
    run = runs.begin(open_run(dataset, now).pk, now)
    runs.abandon_run(run.pk, Run.State.CANCELLED, "", now)
    assert not runs.record_run(run, result(dataset), now)
    run.refresh_from_db()
    assert run.state == Run.State.CANCELLED
    assert not PredictionSet.objects.exists()


def test_a_finished_run_cannot_be_abandoned(dataset, state, now):
    run = finished(dataset, state, now)
    runs.abandon_run(run.pk, Run.State.FAILED, "too late", now)
    run.refresh_from_db()
    assert (run.state, run.error) == (Run.State.DONE, "")


def test_without_labeled_test_pictures_there_is_nothing_to_measure_with(dataset, now):
    dataset.samples.testing().update(label="")
    run = runs.begin(open_run(dataset, now).pk, now)
    with pytest.raises(runs.NotTrainable, match=r"No test picture has a label.* 100 at least"):
        runs.record_plan(run, choice.freeze(dataset))


@pytest.mark.parametrize(
    ("kept", "said"), [("a", "15 labels of 1 class"), ("", "0 labels of 0 classes")], ids=["one", "none"]
)
def test_fewer_than_two_classes_cannot_be_learned(dataset, now, kept, said):
    dataset.samples.pool().exclude(label=kept).update(label="")
    run = runs.begin(open_run(dataset, now).pk, now)
    with pytest.raises(runs.NotTrainable, match=f"two classes; the training pool has {said}"):
        runs.record_plan(run, choice.freeze(dataset))


# --- what a run keeps


def test_the_plan_stands_before_training_and_counts_the_training_fold_alone(dataset, now):
    run = runs.begin(open_run(dataset, now, "augmented").pk, now)
    runs.record_plan(run, choice.freeze(dataset))
    run.refresh_from_db()
    assert run.plan == [
        {"class": "a", "have": 15, "train": 15, "extra": 0},
        {"class": "b", "have": 5, "train": 15, "extra": 10},
    ]
    assert (run.n_train, run.n_test) == (20, TESTED)
    assert run.fingerprint == choice.freeze(dataset).fingerprint


def test_a_plain_run_has_no_plan(dataset, now):
    run = runs.begin(open_run(dataset, now).pk, now)
    runs.record_plan(run, choice.freeze(dataset))
    run.refresh_from_db()
    assert run.plan is None


def test_a_failed_run_begins_again_from_nothing(dataset, now):
    run = runs.begin(open_run(dataset, now).pk, now)
    runs.abandon_run(run.pk, Run.State.FAILED, "no luck", now)
    later = now + timedelta(minutes=5)
    again = runs.begin(run.pk, later)
    assert (again.state, again.attempt, again.error) == (Run.State.RUNNING, 2, "")
    assert (again.started_at, again.finished_at) == (later, None)
    assert runs.folder(again) == f"runs/{run.pk}/2"


def test_a_finished_run_keeps_everything_and_hands_its_predictions_down(dataset, state, now):
    run = finished(dataset, state, now, wrong=[0, 1, 2])
    assert run.metrics["accuracy"]["value"] == 0.75
    assert run.history == [{"step": 1, "loss": 0.5, "accuracy": 0.5}]
    assert run.test_fingerprint == TestPredictions.load(state / run.folder / runs.PREDICTIONS).fingerprint
    handed = PredictionSet.objects.get()
    assert (handed.source, handed.count) == (f"run:{run.pk}", TESTED)
    assert dataset.samples.testing().exclude(predicted="").count() == TESTED


def test_the_receipt_holds_a_command_that_a_shell_understands(dataset, state, now):
    words = shlex.split(finished(dataset, state, now).receipt["command"])
    assert words[:5] == ["python3", "manage.py", "train", "it's two", "--recipe"]
    assert Path(words[5]).is_relative_to(state)
    assert words[6:] == ["--seed", "7"]
