"""The page of label quality: who sees it, what it says, and what its buttons start."""

import csv
import io
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.urls import reverse

from labeling.models import Annotation, Annotator, Dataset, LabelIssue, LabelProject, LabelTask, Sample
from labeling.services import reviews
from tests.labeling.opinion_rows import predict
from tests.workbench.quality_asks import text, told
from workbench.ledger.models import Job
from workbench.services import reviewing, work
from workbench.views.contexts import labels

pytestmark = pytest.mark.django_db
JSON = "application/json"
PUSH = "labeling.jobs.push"


@pytest.fixture
def dataset(rows):
    """Seven labels in doubt: five open, one confirmed, one dismissed."""
    return Dataset.objects.get(pk=rows.dataset)


def review(client, dataset, **body):
    return client.post(reverse("quality-review", args=[dataset.pk]), body)


def open_ids(dataset):
    return list(reviews.open_issues(dataset).values_list("pk", flat=True))


# --- what must not happen


def test_annotators_never_see_the_list(sign_in, dataset):
    client = sign_in("annotator")
    for name in ("quality", "quality-csv", "api:quality"):
        assert client.get(reverse(name, args=[dataset.pk])).status_code == 403
    assert (
        reverse("quality", args=[dataset.pk])
        not in client.get(reverse("dataset", args=[dataset.pk])).content.decode()
    )


def test_an_engineer_may_look_but_not_send(sign_in, dataset):
    said = text(sign_in("engineer"), dataset)
    assert "gives “emu” 0.90 and “" in said
    assert "Send these" not in said


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"overlap": 1}, "Choose some labels."),
        ({"issues": "x", "overlap": 1}, "Choose some labels."),
        ({"issues": 2**31 - 1, "overlap": 1}, "None of these labels is open"),
        ({"issues": 9**30, "overlap": 1}, "Choose some labels."),
        ({"issues": 1, "overlap": 0}, "greater than or equal to 1"),
    ],
)
def test_senseless_wishes_start_nothing(body, told, sign_in, dataset):
    said = review(sign_in("admin"), dataset, **body).content.decode()
    assert told in said
    assert not Job.objects.filter(work=PUSH).exists()


def test_the_api_refuses_with_a_sentence(sign_in, dataset):
    client = sign_in("admin")
    for name, body in (("start_search", {}), ("start_review", {"issues": [2**31 - 1]})):
        answer = client.post(reverse(f"api:{name}", args=[dataset.pk]), body, content_type=JSON)
        assert (answer.status_code, answer.json()["detail"][-1]) == (409, ".")
    nothing = client.post(reverse("api:start_review", args=[dataset.pk]), {"issues": []}, content_type=JSON)
    assert nothing.status_code == 422


def test_without_predictions_the_page_says_what_to_do(sign_in, dataset):
    client = sign_in("admin")
    assert "cross-validation" in text(client, dataset)
    answer = client.post(reverse("quality-search", args=[dataset.pk]))
    assert answer.url == reverse("quality", args=[dataset.pk])
    assert "Out-of-fold predictions" in text(client, dataset)
    assert not Job.objects.filter(work=reviewing.ISSUES).exists()


@pytest.mark.parametrize("query", [{"state": "x"}, {"page": "x"}, {"page": 99}])
def test_senseless_addresses_show_what_is_open(query, sign_in, dataset):
    assert "Doubtful labels" in text(sign_in("engineer"), dataset, **query)


# --- what does


def test_the_api_tells_precision_with_interval_and_n(sign_in, dataset):
    found = told(sign_in("engineer"), dataset)
    assert found["counts"] == [["open", 5], ["sent", 0], ["confirmed", 1], ["dismissed", 1]]
    assert (found["precision"]["share"]["value"], found["precision"]["n"]) == (0.5, 2)
    assert found["precision"]["share"]["low"] == pytest.approx(0.0945, abs=1e-3)  # Wilson, 1 of 2
    assert (found["proposed"]["share"]["value"], found["proposed"]["n"]) == (1.0, 1)
    assert [one["score"] for one in found["issues"]] == sorted(one["score"] for one in found["issues"])


def test_names_are_escaped_and_verdicts_told(sign_in, dataset):
    client = sign_in("engineer")
    assert "&lt;b&gt;cat&lt;/b&gt;" in text(client, dataset)
    assert "<b>cat" not in text(client, dataset)
    assert "reviewers say <strong>emu</strong>" in text(client, dataset, state="confirmed")
    assert [one["state"] for one in told(client, dataset, state="dismissed")["issues"]] == ["dismissed"]


def test_the_table_holds_all(sign_in, dataset):
    answer = sign_in("engineer").get(reverse("quality-csv", args=[dataset.pk]))

    async def joined():
        return b"".join([part async for part in answer.streaming_content])

    lines = list(csv.DictReader(io.StringIO(async_to_sync(joined)().decode())))
    assert [line["state"] for line in lines] == ["open"] * 5 + ["confirmed", "dismissed"]
    assert (lines[0]["probability_given"], lines[5]["reviewers_say"]) == ("0.02", "emu")


def test_the_button_searches_with_unseen_predictions(sign_in, dataset, now):
    unseen = predict(dataset, {dataset.samples.first().pk: [1, 0, 0]}, now)
    client = sign_in("admin")
    answer = client.post(reverse("quality-search", args=[dataset.pk]))
    job = Job.objects.get(work=reviewing.ISSUES)
    assert answer.url == reverse("job", args=[job.pk])
    assert job.params == {"dataset_id": dataset.pk, "prediction_set_id": unseen.pk}
    Job.objects.filter(pk=job.pk).update(
        state="done", finished_at=now, result={"labels": 12, "issues": 5, "open": 5}
    )
    assert "doubts 5 of 12 labels" in text(client, dataset)


def test_chosen_labels_go_to_a_blind_review(sign_in, dataset):
    first, second, *_ = open_ids(dataset)
    answer = review(sign_in("admin"), dataset, issues=[first, second], overlap=2)
    job = Job.objects.get(work=PUSH)
    assert answer.url == reverse("job", args=[job.pk])
    made = dataset.rounds.get(strategy="review")
    assert (job.params, made.overlap, made.tasks.count()) == ({"round_id": made.pk}, 2, 2)
    assert made.pk not in [one.id for one in labels.rounds(dataset)]
    found = told(sign_in("engineer"), dataset, state="sent")
    assert {one["id"] for one in found["issues"]} == {first, second}


def test_the_way_to_label_studio_leads_to_an_open_review(dataset, now, settings):
    settings.LABEL_STUDIO_URL, settings.LABEL_STUDIO_API_KEY = "http://studio.example.org", "key"
    made = reviews.send(dataset, open_ids(dataset)[:1], now=now)
    blind, usual = (
        LabelProject.objects.create(
            dataset=dataset,
            ls_id=n,
            title="x",
            server_url=settings.LABEL_STUDIO_URL,
            blind=n == 1,
            created_at=now,
        )
        for n in (1, 2)
    )
    assert labels.project_to_label(dataset) == usual
    LabelTask.objects.filter(round=made).update(project=blind, ls_task_id=5)
    assert labels.project_to_label(dataset) == blind
    LabelIssue.objects.filter(task__round=made).update(state="confirmed")
    assert labels.project_to_label(dataset) == usual


def test_the_api_sends_for_review(sign_in, dataset):
    answer = sign_in("admin").post(
        reverse("api:start_review", args=[dataset.pk]), {"issues": open_ids(dataset)}, content_type=JSON
    )
    assert answer.status_code == 202
    assert Job.objects.get(work=PUSH).title == "Send 5 samples of Animals to Label Studio"
    assert work.start_push(dataset.rounds.get(strategy="review")).pk == Job.objects.get(work=PUSH).pk


def test_conflicting_duplicates_are_named(sign_in, dataset, now):
    client = sign_in("engineer")
    assert "met the same picture under two classes" in text(client, dataset)
    key = dataset.samples.filter(label="").first().key
    dataset.imports.create(
        folder="/data", created_at=now, conflicts=[{"key": key, "said": {"emu": "e/1.png", "dog": "d/1.png"}}]
    )
    said = text(client, dataset)
    assert said.index("d/1.png") < said.index("e/1.png")
    (found,) = told(client, dataset)["conflicts"]
    assert (found["said"], found["label"]) == ([["dog", "d/1.png"], ["emu", "e/1.png"]], "")
    answer = client.get(reverse("quality-csv", args=[dataset.pk]), {"table": "conflicts"})
    assert "conflicting-duplicates.csv" in answer["Content-Disposition"]


# --- the error rate


def test_too_few_audited_labels_are_not_shown_and_said_to_be_so(sign_in, dataset):
    client = sign_in("engineer")
    assert "0 labels drawn at random were judged again" in text(client, dataset)
    assert [one["given"] for one in told(client, dataset)["errors"]] == [None, None]


def test_the_error_rate_is_told_with_interval_n_and_ceiling(sign_in, dataset, now):
    people = [Annotator.objects.create(email=f"p{n}@example.org") for n in range(2)]
    made = Sample.objects.bulk_create(
        Sample(
            dataset=dataset, key=f"a{n:063}", name=f"{n}", file="x", width=8, height=8, split="test",
            label="emu", added_at=now,
        )
        for n in range(400)
    )  # fmt: skip
    Annotation.objects.bulk_create(
        Annotation(
            sample=one, annotator=who, source="label_studio" if who else "import",
            label="dog" if who and n < 8 else "emu", created_at=now + timedelta(seconds=bool(who)),
            updated_at=now,
        )
        for n, one in enumerate(made)
        for who in ([None, *people] if n < 100 else [None])
    )  # fmt: skip
    client = sign_in("engineer")
    every, test = told(client, dataset)["errors"]
    assert (test["audited"], test["wrong"], test["given"]["value"]) == (100, 8, 0.08)
    assert test["given"]["low"] < 0.05 < 0.12 < test["given"]["high"]
    assert 125 < test["halving"] < 135  # of 400 labels, so that 1/n - 1/N is a quarter
    assert test["ceiling"]["value"] == pytest.approx(1 - test["standing"]["value"])
    assert every["labels"] > test["labels"]
    said = text(client, dataset)
    assert "No model can measure above about" in said
    assert "8.0 %" in said
