from datetime import timedelta

import pytest

from labeling.models import Annotation, Annotator, Dataset, Sample
from labeling.services import audits

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(now):
    return Dataset.objects.create(name="pets", classes=["cat", "dog"], created_at=now)


def opinions(dataset, now, *said, split="test", source="label_studio"):
    """A sample and what people said of it, one after the other; the first may be imported."""
    key = f"{Sample.objects.count()}"
    sample = Sample.objects.create(
        dataset=dataset, key=key, name=key, file=key, width=8, height=8, split=split, added_at=now
    )
    for place, label in enumerate(said):
        imported = source == "import" and place == 0
        who = None if imported else Annotator.objects.get_or_create(email=f"a{place}@example.org")[0]
        Annotation.objects.create(
            sample=sample, source="import" if imported else "label_studio", annotator=who, label=label,
            created_at=now + timedelta(seconds=place), updated_at=now,
        )  # fmt: skip
    return sample


@pytest.mark.parametrize(
    "said",
    [(), ("cat",), ("cat", "dog"), ("cat", "dog", "cat"), ("cat", "cow", "cow"), ("cat", "dog", "cow")],
)
def test_labels_that_nobody_could_judge_do_not_count(dataset, now, said):
    opinions(dataset, now, *said)
    assert audits.of_test_labels(dataset) == (0, 0)


def test_training_labels_do_not_count(dataset, now):
    opinions(dataset, now, "cat", "dog", "dog", split="train")
    assert audits.of_test_labels(dataset) == (0, 0)


@pytest.mark.parametrize("source", ["label_studio", "import"])
def test_two_others_who_agree_judge_the_first(dataset, now, source):
    opinions(dataset, now, "cat", "dog", "dog", source=source)
    opinions(dataset, now, "cat", "cat", "cat", source=source)
    assert audits.of_test_labels(dataset) == (2, 1)


def test_a_withdrawn_opinion_does_not_count(dataset, now):
    sample = opinions(dataset, now, "cat", "dog", "dog")
    sample.annotations.filter(label="dog").first().delete()
    assert audits.of_test_labels(dataset) == (0, 0)
