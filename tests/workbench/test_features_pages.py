"""Features: what their page says, what starts from it, and what becomes of jobs that died."""

import pytest
from django.urls import reverse

from labeling.models import Dataset, EmbeddingSet
from trainer.engine.pretraining import Plan
from trainer.models import Pretraining
from workbench.ledger.models import Job
from workbench.services import dataset_jobs, removal, upkeep, work

pytestmark = pytest.mark.django_db

WISH = {"network": "cnn", "width": 4, "resolution": 16, "epochs": 2, "batch": 16, "seed": 7}
PLAN = Plan(network="cnn", width=4, resolution=16, epochs=2, batch=16)


def post(client, name, rows, body):
    return client.post(reverse(name, args=[rows.dataset]), body)


def text(answer):
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def dataset(rows):
    return Dataset.objects.get(pk=rows.dataset)


# --- what must not happen


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"network": "brain"}, "Select a valid choice"),
        ({"epochs": 0}, "greater than or equal to 1"),
        ({"resolution": ""}, "This field is required"),
    ],
)
def test_a_senseless_plan_starts_nothing(change, words, rows, sign_in):
    before = Pretraining.objects.count()
    assert words in text(post(sign_in("admin"), "features", rows, WISH | change))
    assert Pretraining.objects.count() == before


def test_a_source_that_is_not_there_starts_nothing(rows, sign_in):
    client = sign_in("admin")
    said = text(post(client, "embed", rows, {"source": "pretraining:99"}))
    assert "Animals has no finished pretraining 99." in said
    answer = client.post(
        reverse("api:start_embedding", args=[rows.dataset]),
        {"source": "pretraining:99"},
        content_type="application/json",
    )
    assert (answer.status_code, answer.json()["detail"]) == (409, "Animals has no finished pretraining 99.")
    assert not Job.objects.filter(work="trainer.features.jobs.embed").exists()


def test_the_api_refuses_a_plan_in_words(rows, sign_in):
    answer = sign_in("admin").post(
        reverse("api:start_features", args=[rows.dataset]), {"width": 0}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["detail"]) == (422, "width must lie in [1, 512], got 0")


# --- what the page says and starts


def test_the_page_tells_each_pretraining_and_each_set(rows, sign_in):
    said = text(sign_in("engineer").get(reverse("features", args=[rows.dataset])))
    for words in ("cnn, width 4", "is broken.", "timm:&lt;b&gt;cat", "512", "12"):
        assert words in said
    assert "Learn them" not in said  # an engineer may not start work


def test_learning_features_leads_to_its_job(rows, sign_in, dataset):
    answer = post(sign_in("admin"), "features", rows, WISH)
    row = dataset.pretrainings.first()
    assert answer.url == reverse("job", args=[row.job])
    assert (row.seed, Plan.from_json(row.plan)) == (7, PLAN)
    assert [job.pk for job in dataset_jobs.open_jobs_of(dataset) if str(job.pk) == row.job]


def test_the_same_embedding_asked_for_twice_is_one_job(dataset):
    first, second = (work.start_embedding(dataset, "pixels") for _ in range(2))
    assert first.pk == second.pk


def test_the_api_starts_and_tells_features(rows, sign_in):
    client = sign_in("admin")
    answer = client.post(
        reverse("api:start_features", args=[rows.dataset]), WISH, content_type="application/json"
    )
    told = client.get(reverse("api:features", args=[rows.dataset])).json()
    assert answer.json()["pretraining"] == told["pretrainings"][0]["id"]
    assert told["pretrainings"][0]["state"] == "waiting"
    assert told["embeddings"][0]["dim"] == 512
    assert told["sources"] == ["pixels"]


# --- what becomes of it


@pytest.mark.parametrize(
    ("fate", "then"), [("failed", "failed"), ("cancelled", "cancelled"), ("queued", "waiting")]
)
def test_a_pretraining_follows_its_job(fate, then, dataset, now):
    job = work.start_pretraining(dataset, PLAN, seed=1)
    Job.objects.filter(pk=job.pk).update(state=fate, error="No room.")
    upkeep.settle_runs(now)
    row = Pretraining.objects.get(pk=job.params["pretraining_id"])
    assert (row.state, row.error) == (then, "" if then == "waiting" else "No room.")


def test_features_go_with_their_dataset(dataset, now, state):
    row = dataset.pretrainings.first()
    folder = state / "pretrainings" / str(row.pk)
    folder.mkdir(parents=True)
    Job.objects.update(params={})
    removal.delete_dataset(dataset)
    assert not folder.exists()
    assert not Pretraining.objects.exists()
    assert not EmbeddingSet.objects.exists()
