"""The test split from people's labels: late enough, from chance's samples alone, whole groups, once."""

from collections import Counter

import pytest

from labeling import jobs
from labeling.models import Dataset, LabelTask, Sample, SelectionRound
from labeling.progress import silent
from labeling.services import choice, holdout


@pytest.fixture(autouse=True)
def a_small_world(monkeypatch):
    """Half the labels that the product waits for: the rule is the same."""
    monkeypatch.setattr(holdout, "LEAST_LABELS", 50)


@pytest.fixture
def dataset(db, now) -> Dataset:
    return Dataset.objects.create(name="pets", classes=["cat", "dog"], created_at=now)


def label(dataset, start, stop, *, audit=True, every=2):
    """Add samples that a round asked for and people labeled: one dog among `every`, else cats."""
    made = SelectionRound.objects.create(
        dataset=dataset, strategy="margin", random_share=0.2, seed=0, created_at=dataset.created_at
    )
    for number in range(start, stop):
        key = f"k{number:04d}"
        sample = Sample.objects.create(
            dataset=dataset,
            key=key,
            name=key,
            file=f"{key}.png",
            width=1,
            height=1,
            duplicate_group=key,
            label="cat" if number % every else "dog",
            added_at=dataset.created_at,
        )
        LabelTask.objects.create(
            round=made, sample=sample, rank=number, score=0, audit=audit, reason="a test"
        )


def held_out(dataset) -> list[str]:
    return list(dataset.samples.testing().order_by("key").values_list("key", flat=True))


def test_too_few_random_labels_draw_nothing(dataset):
    label(dataset, 0, 49)
    label(dataset, 49, 200, audit=False)
    assert (holdout.draw_test(dataset), held_out(dataset)) == (0, [])


def test_many_classes_need_more_labels(dataset):
    Dataset.objects.update(classes=["cat", "dog", *map(str, range(24))])
    dataset.refresh_from_db()
    label(dataset, 0, 51)
    assert holdout.draw_test(dataset) == 0
    label(dataset, 51, 52)
    assert holdout.draw_test(dataset) == 10


@pytest.mark.parametrize("every", [100, 60])
def test_one_class_alone_measures_nothing(dataset, every):
    label(dataset, 1, 80, every=every)
    assert holdout.draw_test(dataset) == 0


def test_what_a_model_chose_and_what_has_no_label_is_never_drawn(dataset):
    label(dataset, 0, 60)
    label(dataset, 60, 160, audit=False)
    label(dataset, 160, 200)
    dataset.samples.filter(key__gte="k0160").update(label="")
    holdout.draw_test(dataset)
    assert len(held_out(dataset)) == 12
    assert max(held_out(dataset)) < "k0060"


def test_a_fifth_of_each_class_is_drawn_and_the_same_again(dataset, now):
    twin = Dataset.objects.create(name="twin", classes=dataset.classes, created_at=now)
    label(dataset, 0, 100, every=4)
    assert holdout.draw_test(dataset) == 20
    assert Counter(dataset.samples.testing().values_list("label", flat=True)) == {"cat": 15, "dog": 5}
    drawn = held_out(dataset)
    dataset.samples.update(split="train")
    holdout.draw_test(dataset)
    assert held_out(dataset) == drawn
    label(twin, 0, 100, every=4)
    holdout.draw_test(twin)
    assert held_out(twin) != drawn  # the dataset's name is the salt


def test_near_equal_pictures_go_along_labeled_or_not(dataset):
    label(dataset, 0, 60)
    label(dataset, 60, 120, audit=False)
    dataset.samples.filter(key__gte="k0090").update(label="")
    for number in range(60):
        dataset.samples.filter(key=f"k{number + 60:04d}").update(duplicate_group=f"k{number:04d}")
    holdout.draw_test(dataset)
    sides = dataset.samples.order_by().values_list("duplicate_group", "split").distinct()
    assert len(sides) == 60
    assert len(held_out(dataset)) == 24


def test_a_sync_draws_it(dataset, settings):
    settings.LABEL_STUDIO_URL, settings.LABEL_STUDIO_API_KEY = "http://127.0.0.1:9", "a key"
    label(dataset, 0, 50)
    jobs.sync(silent, dataset_id=dataset.pk)
    assert len(held_out(dataset)) == 10


def test_a_test_split_that_stands_stays(dataset):
    label(dataset, 0, 60)
    dataset.samples.filter(key="k0000").update(split="test")
    label(dataset, 60, 200)
    assert (holdout.draw_test(dataset), held_out(dataset)) == (0, ["k0000"])


def test_random_rounds_are_drawn_from_whole(dataset):
    label(dataset, 0, 60)
    dataset.samples.update(label="")
    LabelTask.objects.all().delete()
    chosen = choice.choose_next(dataset, count=60, strategy="random", now=dataset.created_at)
    for task in chosen.tasks.select_related("sample"):
        Sample.objects.filter(pk=task.sample_id).update(label=dataset.classes[task.rank % 2])
    assert holdout.draw_test(dataset) == 12
