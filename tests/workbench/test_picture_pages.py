"""Pictures worth a look and duplicates on the page of quality; its tables, its queries."""

import pytest
from asgiref.sync import async_to_sync
from django.urls import reverse

from labeling.models import Dataset
from labeling.quality.models import PictureIssue
from tests.workbench.quality_asks import text, told
from workbench.ledger.models import Job
from workbench.services import inspecting

pytestmark = pytest.mark.django_db
JSON = "application/json"
QUERIES = 30


@pytest.fixture
def dataset(rows):
    return Dataset.objects.get(pk=rows.dataset)


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
