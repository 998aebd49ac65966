from contextlib import ExitStack

import children
import numpy as np
import pytest

from labeling.models import Dataset, LabelTask, Sample, SelectionRound
from labeling.services import choice, opinions


@pytest.fixture
def dataset(db, state, now) -> Dataset:
    return Dataset.objects.create(name="pets", classes=["cat", "dog", "fox"], created_at=now)


def add(dataset, n, **fields):
    first = dataset.samples.count()
    keys = [f"k{number:04d}" for number in range(first, first + n)]
    rows = [
        Sample(
            dataset=dataset,
            key=key,
            name=key,
            file=f"{key}.png",
            width=1,
            height=1,
            added_at=dataset.created_at,
        )
        for key in keys
    ]
    for row in rows:
        row.duplicate_group = row.key
        for name, value in fields.items():
            setattr(row, name, value)
    Sample.objects.bulk_create(rows)
    return list(dataset.samples.filter(key__in=keys).order_by("key"))


def ask(dataset, count=10, **wishes) -> SelectionRound:
    return choice.choose_next(dataset, count=count, now=dataset.created_at, **wishes)


def predict(dataset, samples, probs):
    opinions.record_predictions(
        dataset,
        [s.pk for s in samples],
        np.asarray(probs),
        source="run:1",
        model_version="m",
        now=dataset.created_at,
    )


def test_test_labeled_and_queued_samples_are_never_asked_for(dataset):
    add(dataset, 5, split="test")
    add(dataset, 5, label="cat")
    free = {s.pk for s in add(dataset, 9)}
    first = {t.sample_id for t in ask(dataset, 4).tasks.all()}
    second = {t.sample_id for t in ask(dataset, 99).tasks.all()}
    assert first | second == free
    assert not first & second


def test_samples_whose_tasks_were_deleted_wait_again_and_count_once(dataset, now):
    elder, younger = add(dataset, 2, duplicate_group="twins")
    for _ in range(2):
        ask(dataset, 9).tasks.update(removed_at=now)
    assert list(dataset.samples.waiting().order_by("pk")) == [elder, younger]
    assert not dataset.samples.queued().exists()
    (task,) = ask(dataset, 9).tasks.all()
    assert list(dataset.samples.queued()) == [task.sample]


def test_a_deleted_task_speaks_for_no_near_equal_picture(dataset, now):
    add(dataset, 1, duplicate_group="twins")
    ask(dataset, 9).tasks.update(removed_at=now)
    add(dataset, 1, duplicate_group="twins")
    add(dataset, 1)
    groups = {task.sample.duplicate_group for task in ask(dataset, 9).tasks.all()}
    assert groups == {"twins", "k0002"}


def test_another_datasets_samples_are_left_alone(dataset, now):
    other = Dataset.objects.create(name="other", classes=["x", "y"], created_at=now)
    add(other, 5)
    mine = {s.pk for s in add(dataset, 3)}
    assert {t.sample_id for t in ask(dataset, 99).tasks.all()} == mine


def test_nothing_to_label_is_said_and_leaves_no_round(dataset):
    add(dataset, 3, label="cat")
    with pytest.raises(choice.NothingToLabel, match="No picture waits"):
        ask(dataset)
    assert not SelectionRound.objects.exists()


@pytest.mark.parametrize("share", [0.0, 0.14, 1.1])
def test_a_random_share_too_thin_is_refused(dataset, share):
    add(dataset, 3)
    with pytest.raises(ValueError, match="random_share"):
        ask(dataset, random_share=share)


def test_without_predictions_all_are_drawn_at_random_and_the_round_says_so(dataset):
    add(dataset, 30)
    done = ask(dataset, 10, strategy="margin")
    assert (done.strategy, done.random_share, done.prediction_set) == ("random", 1.0, None)
    assert set(done.tasks.values_list("audit", "reason")) == {
        (True, "Drawn at random: keeps the evaluation honest.")
    }


def test_the_most_doubtful_come_first_with_the_reason_and_a_random_share(dataset):
    samples = add(dataset, 100)
    lead = np.linspace(0.0, 0.9, 100)
    predict(dataset, samples, np.stack([(1 + lead) / 2, (1 - lead) / 2, np.zeros(100)], axis=1))
    tasks = list(ask(dataset, 20).tasks.order_by("rank"))
    asked = [t for t in tasks if not t.audit]
    assert len(asked) == 16
    assert [t.sample_id for t in asked] == sorted(t.sample_id for t in asked)
    assert asked[-1].sample_id <= samples[20].pk
    assert asked[0].reason.startswith("The model hesitates between cat (0.5")
    assert [t.score for t in tasks] == sorted({t.score for t in tasks})
    assert [t.rank for t in tasks] == list(range(20))


def test_the_random_strategy_asks_no_model(dataset):
    samples = add(dataset, 30)
    predict(dataset, samples, np.full((30, 3), 1 / 3))
    done = ask(dataset, 10, strategy="random")
    assert (done.prediction_set, done.tasks.filter(audit=True).count()) == (None, 10)


def test_what_no_model_has_seen_comes_last_and_says_so(dataset):
    seen = add(dataset, 5)
    predict(dataset, seen, np.full((5, 3), 1 / 3))
    add(dataset, 50)
    tasks = ask(dataset, 20, random_share=0.2).tasks
    late = tasks.filter(audit=False).exclude(sample__in=seen)
    assert set(late.values_list("reason", flat=True)) == {
        "No model has seen it yet: drawn at random among such."
    }


def test_long_class_names_fit_the_reason(dataset):
    Dataset.objects.filter(pk=dataset.pk).update(classes=["c" * 100, "d" * 100])
    dataset.refresh_from_db()
    samples = add(dataset, 10)
    predict(dataset, samples, np.full((10, 2), 0.5))
    reasons = ask(dataset, 10).tasks.values_list("reason", flat=True)
    assert max(map(len, reasons)) <= 200


def test_of_near_equal_pictures_one_is_asked_for(dataset):
    add(dataset, 5, duplicate_group="twins")
    add(dataset, 3)
    groups = [t.sample.duplicate_group for t in ask(dataset, 99).tasks.all()]
    assert len(groups) == len(set(groups)) == 4


@pytest.mark.parametrize("spoken_for", [{"label": "cat"}, {"split": "train"}])
def test_a_group_that_is_spoken_for_waits_until_nothing_else_is_left(dataset, spoken_for):
    elder = add(dataset, 1, duplicate_group="twins", **spoken_for)[0]
    earlier = SelectionRound.objects.create(
        dataset=dataset, strategy="random", random_share=1, seed=0, created_at=dataset.created_at
    )
    LabelTask.objects.create(round=earlier, sample=elder, rank=0, score=0, reason="x")
    younger = add(dataset, 1, duplicate_group="twins")[0]
    fresh = add(dataset, 2)
    assert {t.sample for t in ask(dataset, 99).tasks.all()} == set(fresh)
    assert {t.sample for t in ask(dataset, 99).tasks.all()} == {younger}


def test_the_same_seed_asks_for_the_same(dataset, now):
    twin = Dataset.objects.create(name="twin", classes=dataset.classes, created_at=now)
    add(dataset, 50)
    add(twin, 50)
    one, two = (
        list(ask(d, 20, seed=3).tasks.values_list("sample__key", "rank", "audit")) for d in (dataset, twin)
    )
    assert one == two


RACE = """
import sys
from django.utils import timezone
from labeling.models import Dataset
from labeling.services import choice
for _ in range(10):
    choice.choose_next(Dataset(pk=int(sys.argv[1])), count=3, now=timezone.now())
"""


def test_four_processes_never_queue_a_sample_twice(committed, tmp_path):
    add(committed, 120)
    with ExitStack() as stack:
        racers = [stack.enter_context(children.child(RACE, tmp_path, str(committed.pk))) for _ in range(4)]
        assert [racer.wait() for racer in racers] == [0] * 4
    queued = list(LabelTask.objects.filter(round__dataset=committed).values_list("sample_id", flat=True))
    assert (len(queued), len(set(queued))) == (120, 120)


def test_freeze_gives_the_rows_in_order_with_absolute_files(dataset, state):
    add(dataset, 2, label="dog")
    add(dataset, 1, split="test", label="cat")
    add(dataset, 1, duplicate_group="")
    frozen = choice.freeze(dataset)
    assert frozen.ids.tolist() == sorted(frozen.ids.tolist())
    assert frozen.labels.tolist() == [1, 1, 0, -1]
    assert frozen.is_test.tolist() == [False, False, True, False]
    assert frozen.groups == frozen.keys == ("k0000", "k0001", "k0002", "k0003")
    assert frozen.files[0] == state / "media" / "k0000.png"


def test_freeze_sees_classes_that_came_meanwhile(dataset):
    Dataset.objects.filter(pk=dataset.pk).update(classes=["cat"])
    assert choice.freeze(dataset).classes == ("cat",)


def test_freeze_of_nothing_is_empty(dataset):
    frozen = choice.freeze(dataset)
    assert (len(frozen.ids), frozen.files, frozen.train_rows.tolist()) == (0, (), [])


@pytest.mark.parametrize(
    ("mix", "said"),
    [
        ({"cow": 10}, "a mix may name classes of the dataset only, got 'cow'"),
        ({"cat": 9}, "a mix must hold 10 samples, none less than 0; got {'cat': 9}"),
        ({"cat": 11, "dog": -1}, "a mix must hold 10 samples, none less than 0"),
    ],
)
def test_a_mix_that_is_none_is_refused(dataset, mix, said):
    predict(dataset, add(dataset, 20), [[0.5, 0.3, 0.2]] * 20)
    with pytest.raises(ValueError, match=said):
        ask(dataset, 10, mix=mix)
    assert not SelectionRound.objects.exists()


def test_a_mix_is_served_from_what_the_model_takes_for_each_class(dataset):
    samples = add(dataset, 30)
    predict(dataset, samples, [[0.7, 0.2, 0.1]] * 25 + [[0.2, 0.1, 0.7]] * 5)
    done = ask(dataset, 10, mix={"cat": 5, "fox": 5})
    asked = {task.sample_id for task in done.tasks.all()}
    assert {sample.pk for sample in samples[25:]} <= asked
    assert done.mix == {"cat": 5, "fox": 5}
    assert done.expected == {"cat": 4.5, "dog": 1.5, "fox": 4.0}


def test_without_a_model_a_mix_is_a_wish(dataset):
    add(dataset, 30)
    done = ask(dataset, 10, mix={"cat": 5, "fox": 5})
    assert (done.strategy, done.mix, done.expected) == ("random", {"cat": 5, "fox": 5}, {})
    assert done.tasks.count() == 10


def test_predictions_by_other_classes_still_name_what_they_knew(dataset):
    samples = add(dataset, 10)
    predict(dataset, samples, [[0.1, 0.1, 0.8]] * 4 + [[0.8, 0.1, 0.1]] * 6)
    Dataset.objects.filter(pk=dataset.pk).update(classes=["fox", "cow", "cat"])
    dataset.refresh_from_db()
    done = ask(dataset, 4, mix={"fox": 4})
    asked = {task.sample_id for task in done.tasks.filter(audit=False)}
    assert asked <= {sample.pk for sample in samples[:4]}
