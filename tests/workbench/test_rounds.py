"""Choosing the next round on its page, by the API and in a terminal."""

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from labeling.chance import Verdict
from labeling.models import Dataset, EmbeddingSet, SelectionRound
from labeling.services import chance
from labeling.services.embeddings import record_embeddings
from labeling.strategies.reasons import SAYS
from workbench import jobs
from workbench.ledger.models import Job

pytestmark = pytest.mark.django_db
JSON = "application/json"
ROUND = {"count": 2, "strategy": "k_center", "random_share": 0.2, "overlap": 1}
MISSING = (
    "K-center needs vectors of the pictures: embed them first, on the page Features or by manage.py embed."
)


@pytest.fixture
def admin(sign_in, rows):
    EmbeddingSet.objects.all().delete()  # rows without a file behind them
    return sign_in("admin")


def embed(rows, now):
    """Give all pictures vectors."""
    dataset = Dataset.objects.get(pk=rows.dataset)
    ids = list(dataset.samples.values_list("pk", flat=True))
    vectors = np.random.default_rng(0).normal(size=(len(ids), 3))
    record_embeddings(dataset, ids, vectors, source="pixels", fingerprint="f", now=now)
    return dataset


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 409),
        ({"strategy": "best"}, 422),
        ({"count": 0}, 422),
        ({"random_share": 0.14}, 422),
        ({"overlap": 11}, 422),
        ({"seed": -1}, 422),
    ],
)
def test_a_round_that_cannot_be_chosen_starts_nothing(rows, admin, change, status):
    before = SelectionRound.objects.count(), Job.objects.count()
    answer = admin.post(reverse("api:start_round", args=[rows.dataset]), ROUND | change, content_type=JSON)
    assert answer.status_code == status
    assert (SelectionRound.objects.count(), Job.objects.count()) == before


def test_what_a_strategy_lacks_is_said_everywhere(rows, admin):
    told = admin.post(reverse("api:start_round", args=[rows.dataset]), ROUND, content_type=JSON).json()
    page = admin.post(reverse("next-round", args=[rows.dataset]), ROUND).content.decode()
    assert told["detail"] == MISSING
    assert page.count(MISSING) == 2  # where it was asked for, and beside the strategy
    with pytest.raises(CommandError, match=MISSING):
        call_command("next_round", Dataset.objects.get(pk=rows.dataset).name, "--strategy", "k_center")


def test_a_round_starts_by_the_api(rows, admin, now):
    dataset = embed(rows, now)
    answer = admin.post(reverse("api:start_round", args=[rows.dataset]), ROUND, content_type=JSON)
    assert answer.status_code == 202
    assert dataset.rounds.first().strategy == "k_center"
    assert Job.objects.get(pk=answer.json()["job"]).params["round_id"] == dataset.rounds.first().pk


def test_without_a_strategy_the_usual_one_chooses(rows, admin, now):
    dataset = embed(rows, now)
    admin.post(reverse("api:start_round", args=[rows.dataset]), {"count": 2}, content_type=JSON)
    assert dataset.rounds.first().strategy == "typical"


def test_the_page_starts_with_the_usual_strategy_and_explains_all(rows, admin, now):
    embed(rows, now)
    page = admin.get(reverse("next-round", args=[rows.dataset])).content.decode()
    told = admin.get(reverse("api:next_round", args=[rows.dataset])).json()
    assert 'value="typical" checked' in page
    assert told["usual"] == "typical"
    assert {one["name"]: one["says"] for one in told["strategies"]} == SAYS
    by_model = [one["name"] for one in told["strategies"] if one["missing"]]
    assert by_model == ["margin", "entropy", "least_confidence", "badge", "cluster_margin"]


def test_the_dataset_names_the_strategy_of_each_round(rows, admin, now):
    embed(rows, now)
    admin.post(reverse("next-round", args=[rows.dataset]), ROUND)
    assert "<td>k-center</td>" in admin.get(reverse("dataset", args=[rows.dataset])).content.decode()


@pytest.mark.parametrize("p_value", [0.01, 0.5])
def test_the_dataset_tells_what_picks_gained_over_chance(rows, admin, p_value):
    verdict = Verdict(0.02, p_value, 40, 500)
    Dataset.objects.filter(pk=rows.dataset).update(against_chance=verdict._asdict())
    assert verdict.sentence in admin.get(reverse("dataset", args=[rows.dataset])).content.decode()
    assert admin.get(reverse("api:dataset", args=[rows.dataset])).json()["against_chance"] == verdict.sentence


def test_what_picks_gained_is_measured_with_the_advice(rows, admin, monkeypatch):
    asked = []
    monkeypatch.setattr(chance, "measure", asked.append)
    jobs.refresh_advice(lambda progress: None, dataset_id=rows.dataset)
    assert [dataset.pk for dataset in asked] == [rows.dataset]
