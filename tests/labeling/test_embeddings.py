import numpy as np
import pytest

from labeling.models import Dataset, EmbeddingSet, Sample
from labeling.services import embeddings, pictures

pytestmark = pytest.mark.django_db
VECTORS = np.array([[1.5, 2], [3, 4], [5, 6]])


@pytest.fixture
def dataset(state, now):
    made = Dataset.objects.create(name="pets", classes=["cat", "dog"], created_at=now)
    for key in "abc":
        Sample.objects.create(dataset=made, key=key, name=key, file=key, width=1, height=1, added_at=now)
    return made


def ids(dataset):
    return list(dataset.samples.values_list("pk", flat=True))


def record(dataset, now, vectors=VECTORS, source="pixels", **more):
    return embeddings.record_embeddings(
        dataset, more.get("ids", ids(dataset)), vectors, source=source, fingerprint="f" * 64, now=now
    )


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (VECTORS[:2], r"vectors must be \(3, D\)"),
        (VECTORS[:, :0], "D > 0"),
        (VECTORS[:, 0], "one a sample"),
        (VECTORS * np.nan, "finite"),
        (VECTORS * 1e5, "fit into 16 bits"),
    ],
)
def test_senseless_vectors_are_refused(dataset, now, vectors, message):
    with pytest.raises(ValueError, match=message):
        record(dataset, now, vectors)
    assert not EmbeddingSet.objects.exists()


def test_foreign_and_repeated_samples_are_refused(dataset, now):
    other = Dataset.objects.create(name="other", created_at=now)
    with pytest.raises(ValueError, match="3 are not of it"):
        record(other, now, ids=ids(dataset))
    with pytest.raises(ValueError, match="once"):
        record(dataset, now, ids=[ids(dataset)[0]] * 3)


def test_what_is_recorded_is_read_again(dataset, now):
    made = record(dataset, now)
    found, vectors = embeddings.read(made)
    assert (made.dim, made.count) == (2, 3)
    assert found.tolist() == ids(dataset)
    assert np.array_equal(vectors, VECTORS)
    assert vectors.dtype == np.float32


def test_one_source_has_one_answer(dataset, now, state):
    first = record(dataset, now)
    other = record(dataset, now, source="pretraining:1")
    second = record(dataset, now, VECTORS + 1)
    assert list(EmbeddingSet.objects.order_by("pk")) == [other, second]
    assert not (state / first.path).exists()
    assert embeddings.latest(dataset) == second
    assert embeddings.latest(dataset, "pretraining:1") == other
    assert embeddings.latest(dataset, "run:1") is None


def test_vectors_go_with_their_dataset(dataset, now, state):
    made = record(dataset, now)
    pictures.remove_dataset(dataset)
    assert not (state / made.path).exists()
