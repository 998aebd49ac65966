"""The page of label quality: who sees it, what it says, and what its buttons start."""

import csv
import io
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.urls import reverse

from labeling.models import Annotation, Annotator, Dataset, LabelIssue, LabelProject, LabelTask, Sample
from labeling.quality.models import PictureIssue
from labeling.services import reviews
from tests.labeling.opinion_rows import predict
from workbench.ledger.models import Job
from workbench.services import inspecting, reviewing, work
from workbench.views.contexts import labels

pytestmark = pytest.mark.django_db
JSON = "application/json"
PUSH = "labeling.jobs.push"
QUERIES = 45


@pytest.fixture
def dataset(rows):
    """Seven labels in doubt: five open, one confirmed, one dismissed."""
    return Dataset.objects.get(pk=rows.dataset)


def text(client, dataset, **query):
    answer = client.get(reverse("quality", args=[dataset.pk]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def told(client, dataset, **query):
    answer = client.get(reverse("api:quality", args=[dataset.pk]), query)
    assert answer.status_code == 200
    return answer.json()


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


# --- pictures


@pytest.fixture
def pictured(dataset, now):
    """Eighteen pictures that are blank, one dark, one leak; one that was dismissed."""
    samples = list(dataset.samples.all())
    PictureIssue.objects.bulk_create(
        PictureIssue(
            sample=samples[n], kind=kind, value=n, reason=f"Reason <i>{kind}</i>.",
            dismissed_at=now if kind == "bright" else None, created_at=now,
        )
        for n, kind in [*((n, "blank") for n in range(18)), (0, "dark"), (1, "leak"), (2, "bright")]
    )  # fmt: skip
    return dataset


def picture_ids(dataset, kind):
    rows = PictureIssue.objects.filter(sample__dataset=dataset, kind=kind)
    return list(rows.values_list("pk", flat=True))


def judge(client, dataset, **body):
    return client.post(reverse("quality-pictures", args=[dataset.pk]), body)


def test_an_engineer_sees_pictures_but_dismisses_none(sign_in, pictured):
    client = sign_in("engineer")
    said = text(client, pictured)
    assert "Reason &lt;i&gt;blank&lt;/i&gt;." in said
    assert "These are fine" not in said
    assert judge(client, pictured, issues=picture_ids(pictured, "dark")).status_code == 403
    assert client.post(reverse("quality-inspect", args=[pictured.pk])).status_code == 403


def test_ticking_none_changes_none(sign_in, pictured):
    client = sign_in("admin")
    answer = judge(client, pictured, issues="x", kind="dark")
    assert "Choose some pictures." in client.get(answer.url).content.decode()
    assert PictureIssue.objects.filter(dismissed_at=None).count() == 20


def test_a_place_that_is_none_leads_nowhere_else(sign_in, pictured):
    answer = judge(
        sign_in("admin"), pictured, issues=picture_ids(pictured, "dark"), kind="//evil.example.org"
    )
    assert answer.url == f"{reverse('quality', args=[pictured.pk])}?kind=#pictures"


def test_ticked_pictures_are_dismissed_and_listed_again(sign_in, pictured):
    client, ids = sign_in("admin"), picture_ids(pictured, "dark")
    answer = judge(client, pictured, issues=ids, kind="dark")
    assert answer.url.endswith("?kind=dark#pictures")
    assert not PictureIssue.objects.filter(kind="dark", dismissed_at=None).exists()
    assert "Reason &lt;i&gt;dark&lt;/i&gt;." in text(client, pictured, dismissed=1)
    judge(client, pictured, issues=ids, reopen=1)
    assert PictureIssue.objects.filter(kind="dark", dismissed_at=None).exists()


def test_filters_stand_in_the_address(sign_in, pictured):
    client = sign_in("engineer")
    found = told(client, pictured, kind="dark")["pictures"]
    assert [one["kind"] for one in found["rows"]] == ["dark"]
    found = told(client, pictured)["pictures"]
    assert (found["open"], found["dismissed_count"], found["pages"]) == (20, 1, 1)
    assert [one["kind"] for one in told(client, pictured, dismissed=True)["pictures"]["rows"]] == ["bright"]
    assert told(client, pictured, kind="nonsense", pictures=99)["pictures"]["kind"] == ""


def test_pages_of_pictures_follow_each_other(sign_in, pictured, monkeypatch):
    monkeypatch.setattr("workbench.views.contexts.quality_pictures.PAGE_SIZE", 15)
    client = sign_in("engineer")
    first, second = (told(client, pictured, pictures=page)["pictures"]["rows"] for page in (1, 2))
    assert (len(first), len(second)) == (15, 5)
    assert not {one["id"] for one in first} & {one["id"] for one in second}
    assert "pictures=1#pictures" in text(client, pictured, pictures=2)


def test_the_api_dismisses_and_takes_back(sign_in, pictured):
    client = sign_in("admin")
    where = reverse("api:judge_pictures", args=[pictured.pk])
    ids = picture_ids(pictured, "blank")[:2]
    answers = [
        client.post(where, {"issues": ids, "reopen": reopen}, content_type=JSON).json()
        for reopen in (False, False, True)
    ]
    assert answers == [{"changed": 2}, {"changed": 0}, {"changed": 2}]


@pytest.mark.parametrize("name", ["quality-inspect", "api:start_inspection"])
def test_pictures_are_inspected_on_demand(name, sign_in, dataset):
    answer = sign_in("admin").post(reverse(name, args=[dataset.pk]), {}, content_type=JSON)
    job = Job.objects.get(work=inspecting.INSPECTION)
    assert answer.status_code in (202, 302)
    assert (job.params, job.requested_by) == ({"dataset_id": dataset.pk}, "admin")


def test_groups_under_several_classes_come_first(sign_in, dataset):
    rows = list(dataset.samples.exclude(label="").order_by("label", "pk"))
    same, others = rows[:3], [rows[3], rows[-1]]
    dataset.samples.filter(pk__in=[one.pk for one in same]).update(duplicate_group="same", split="train")
    dataset.samples.filter(pk__in=[one.pk for one in others]).update(duplicate_group="other", split="train")
    client = sign_in("engineer")
    found = told(client, dataset)["duplicates"]
    assert [(one["key"], one["size"], one["classes"]) for one in found["listed"]] == [
        ("other", 2, 2),
        ("same", 3, 1),
    ]
    assert (found["groups"], found["pictures"], found["divided"], found["straddling"]) == (2, 5, 1, 0)
    dataset.samples.filter(pk=same[0].pk).update(split="test")
    assert told(client, dataset)["duplicates"]["straddling"] == 1


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


TABLES = {
    "labels": ("label-issues", "sample,name,split,given"),
    "pictures": ("picture-issues", "sample,name,split,label,kind"),
    "conflicts": ("conflicting-duplicates", "sample,class,file"),
    "duplicates": ("near-duplicates", "group,sample,name"),
    "copies": ("second-copies", "file,equals"),
    "errors": ("label-error-rate", "scope,labels_that_were,labels,audited,wrong"),
}


@pytest.mark.parametrize("table", TABLES)
def test_every_table_is_there_for_a_spreadsheet(table, sign_in, pictured):
    answer = sign_in("engineer").get(reverse("quality-csv", args=[pictured.pk]), {"table": table})
    name, headers = TABLES[table]
    assert f"{name}.csv" in answer["Content-Disposition"]

    async def joined():
        return b"".join([part async for part in answer.streaming_content])

    assert async_to_sync(joined)().decode().startswith(headers)


def test_the_page_takes_as_many_queries_however_much_there_is(
    sign_in, pictured, now, django_assert_max_num_queries
):
    client = sign_in("engineer")
    text(client, pictured)
    with django_assert_max_num_queries(QUERIES):
        text(client, pictured)
    for number in range(30):
        pictured.imports.create(folder="/data", created_at=now)
        pictured.samples.create(
            key=f"b{number:063}", name="x", file="x", width=8, height=8, added_at=now,
            duplicate_group=f"b{number % 10}",
        )  # fmt: skip
    with django_assert_max_num_queries(QUERIES):
        text(client, pictured)
