"""The annotators' page: whose record who may see, what it says, and what its button starts."""

import csv
import io

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.urls import reverse

from labeling.models import Annotator, Dataset, Settlement
from tests.labeling.opinion_rows import add, say
from workbench.ledger.models import Job
from workbench.services import settling

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture
def dataset(rows, now):
    """Twelve pictures of two classes that ada and bob share; bob calls one dog a cat."""
    dataset = Dataset.objects.get(pk=rows.dataset)
    cat, dog, _ = dataset.classes
    for number, sample in enumerate(add(dataset, [f"shared {n}" for n in range(12)], now)):
        truth = dog if number % 2 else cat
        say(sample, truth)
        say(sample, truth, "ada", lead_time_s=4.0)
        say(sample, cat if number == 1 else truth, "bob", lead_time_s=2.0)
    return dataset


def get(client, name, dataset):
    answer = client.get(reverse(name, args=[dataset.pk]))
    assert answer.status_code == 200
    return answer


def text(client, dataset):
    return get(client, "annotators", dataset).content.decode()


def lines(client, dataset, table=""):
    answer = client.get(reverse("annotators-csv", args=[dataset.pk]), {"table": table})
    assert answer.status_code == 200

    async def joined():
        return b"".join([part async for part in answer.streaming_content])

    return list(csv.DictReader(io.StringIO(async_to_sync(joined)().decode())))


def as_annotator(sign_in, email):
    client = sign_in("annotator")
    User.objects.filter(pk=client.session["_auth_user_id"]).update(email=email)
    return client


# --- what must not happen


@pytest.mark.parametrize("email", ["", "nobody@example.org"])
def test_who_is_no_annotator_sees_nobody(email, sign_in, dataset):
    client = as_annotator(sign_in, email)
    said = text(client, dataset)
    assert "You have not labeled here yet" in said
    assert "@example.org" not in said.replace(email or "-", "")
    assert lines(client, dataset) == []
    told = get(client, "api:annotators", dataset).json()
    assert (told["people"], told["pairs"], told["everybody"]) == ([], [], False)
    assert get(client, "api:dataset", dataset).json()["annotators"] == []


def test_an_annotator_sees_the_own_record_alone(sign_in, dataset):
    client = as_annotator(sign_in, "Bob@Example.org")
    for said in (text(client, dataset), get(client, "dataset", dataset).content.decode()):
        assert "bob@example.org" in said
        assert "ada@example.org" not in said
    assert [line["annotator"] for line in lines(client, dataset)] == ["bob@example.org"]
    told = get(client, "api:annotators", dataset).json()
    assert [one["name"] for one in told["people"]] == ["bob@example.org"]
    assert told["pairs"] == []
    assert told["agreement"][0]["percent"]["n"] == 13


@pytest.mark.parametrize("method", ["", "vote"])
def test_an_unknown_method_starts_nothing(method, sign_in, dataset):
    client = sign_in("admin")
    answer = client.post(reverse("consensus", args=[dataset.pk]), {"method": method})
    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()
    refused = client.post(
        reverse("api:start_consensus", args=[dataset.pk]), {"method": "vote"}, content_type=JSON
    )
    assert (refused.status_code, refused.json()["detail"][:42]) == (
        422,
        "The method must be one of best, majority, ",
    )
    assert not Job.objects.filter(work=settling.CONSENSUS).exists()


def test_a_dataset_that_nobody_labeled_says_so(sign_in, now):
    empty = Dataset.objects.create(name="Empty", created_at=now)
    said = text(sign_in("engineer"), empty)
    assert "Nobody has labeled here yet." in said
    assert "Krippendorff" not in said


# --- what it says


def test_the_page_tells_each_annotator_with_intervals_and_n(sign_in, dataset):
    said = text(sign_in("engineer"), dataset)
    for words in (
        "bob@example.org",
        "2.0, 2.0",
        "n = 12",
        "wrong in 8 %",
        "&lt;b&gt;cat&lt;/b&gt;",
        "n = 12</span>",
    ):
        assert words in said
    assert "Settle the labels" not in said  # an engineer may not start work


def test_the_api_tells_figures(sign_in, dataset):
    told = get(sign_in("engineer"), "api:annotators", dataset).json()
    ada, bob, bot = told["people"]
    assert (ada["labels"], bob["labels"], bot["labels"], told["shared"]) == (13, 12, 1, 13)
    assert (bob["gold"]["n"], bob["gold"]["share"]["value"]) == (12, pytest.approx(11 / 12))
    assert bob["gold"]["share"]["low"] < 11 / 12 < bob["gold"]["share"]["high"]
    assert bob["confusion"][1]["cells"][0][0] == 1
    assert (bob["median_s"], bot["median_s"], bob["changed"]) == (2.0, None, None)
    overall, cat, *_ = told["agreement"]
    assert overall["percent"]["share"]["value"] == pytest.approx(11 / 13)
    assert cat["percent"]["n"] == 8
    (pair,) = told["pairs"]
    assert (pair["first"], pair["second"], pair["percent"]["n"]) == ("ada@example.org", "bob@example.org", 12)
    assert pair["kappa"]["kappa"]["value"] == pytest.approx(5 / 6)


def test_the_table_is_for_spreadsheets(sign_in, dataset):
    _, bob, bot = lines(sign_in("engineer"), dataset)
    assert (bob["labels"], bob["others_n"], bob["median_s"], bob["simulated"]) == ("12", "12", "2.0", "False")
    assert (bot["median_s"], bot["gold_value"], bot["gold_n"], bot["simulated"]) == ("", "", "0", "True")


def test_every_table_is_for_spreadsheets(sign_in, dataset):
    client = sign_in("engineer")
    cells = [line for line in lines(client, dataset, "confusions") if line["annotator"] == "bob@example.org"]
    assert (cells[3]["the_others_say"], cells[3]["says"], cells[3]["n"]) == ("dog", "<b>cat</b>", "1")
    overall, *classes = lines(client, dataset, "agreement")
    assert (overall["class"], overall["same_label_n"], classes[2]["alpha_value"]) == ("all", "13", "")
    (pair,) = lines(client, dataset, "pairs")
    assert (pair["second"], pair["kappa_n"], pair["kappa_emu_value"]) == ("bob@example.org", "12", "")


@pytest.mark.parametrize("table", ["people", "confusions", "pairs"])
def test_no_table_tells_an_annotator_of_others(table, sign_in, dataset):
    told = str(lines(as_annotator(sign_in, "bob@example.org"), dataset, table))
    assert "ada@example.org" not in told


def test_how_labels_were_settled_is_told(sign_in, dataset, now):
    ada = Annotator.objects.get(email="ada@example.org")
    Settlement.objects.create(
        dataset=dataset, asked="best", method="crowdlab", source="run:7:oof", samples=12, changed=1,
        quality={str(ada.pk): 0.934}, created_at=now,
    )  # fmt: skip
    dataset.samples.filter(key__in=["shared 1", "shared 2"]).update(label_method="crowdlab")
    client = sign_in("engineer")
    said = text(client, dataset)
    for words in (
        "CROWDLAB</strong> settled 12 pictures",
        "run:7:oof; 1 label changed",
        "On 2 of them",
        "0.93",
    ):
        assert words in said
    told = get(client, "api:annotators", dataset).json()
    assert (told["settlement"]["standing"], told["people"][0]["quality"]) == (2, 0.934)


def test_the_fallback_is_told_with_its_reason(sign_in, dataset, now):
    Settlement.objects.create(
        dataset=dataset, asked="best", method="majority", note="There are none: the majority decides.",
        samples=13, changed=0, created_at=now,
    )  # fmt: skip
    said = text(sign_in("engineer"), dataset)
    assert "majority</strong> settled 13 pictures" in said
    assert "There are none: the majority decides." in said
    assert "its word still stands" not in said


@pytest.mark.parametrize("method", ["best", "dawid-skene"])
def test_the_button_leads_to_its_job(method, sign_in, dataset):
    answer = sign_in("admin").post(reverse("consensus", args=[dataset.pk]), {"method": method})
    job = Job.objects.get(work=settling.CONSENSUS)
    assert answer.url == reverse("job", args=[job.pk])
    assert job.params == {"dataset_id": dataset.pk, "method": method, "prediction_set_id": None}


def test_the_dataset_page_leads_there(sign_in, dataset):
    assert (
        reverse("annotators", args=[dataset.pk])
        in get(sign_in("engineer"), "dataset", dataset).content.decode()
    )


def test_a_picture_tells_what_settled_it(sign_in, dataset):
    dataset.samples.filter(key="shared 1").update(
        label="dog", label_method="dawid-skene", label_confidence=0.87
    )
    one, other = dataset.samples.filter(key__in=["shared 1", "shared 2"])
    client = sign_in("annotator")
    said = client.get(reverse("sample", args=[one.pk])).content.decode()
    assert "by Dawid-Skene, 87.0 % sure" in said
    assert "sure</span>" not in client.get(reverse("sample", args=[other.pk])).content.decode()
