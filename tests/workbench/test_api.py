"""The JSON API: the same figures as the pages, and honest refusals."""

from dataclasses import replace

import pytest
from django.urls import reverse

from labeling.models import Dataset
from trainer.models import Run
from workbench.ledger.models import Job
from workbench.models import Advice
from workbench.views.contexts import curves as curve_contexts

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture
def engineer(sign_in):
    return sign_in("engineer")


@pytest.fixture
def admin(sign_in):
    return sign_in("admin")


def start(client, rows, body, **headers):
    return client.post(
        reverse("api:start_run", args=[rows.dataset]), body, content_type=JSON, headers=headers
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("no JSON at all", 400),
        ("[]", 422),
        ("{}", 422),
        ('{"recipe": "unheard of"}', 422),
        ('{"recipe": "plain", "seed": -1}', 422),
        ('{"recipe": "plain", "seed": 99999999999999999999}', 422),
        ('{"recipe": "plain", "rebalance": 7}', 422),
        ('{"recipe": "plain", "resolution": 4}', 422),
        ('{"recipe": "plain", "learning_rate": "NaN"}', 422),
        ('{"recipe": "plain", "policy": "../../etc"}', 422),
    ],
)
def test_a_senseless_request_starts_nothing(body, status, rows, admin):
    before = Job.objects.count(), Run.objects.count()
    answer = start(admin, rows, body)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/json; charset=utf-8")
    assert (Job.objects.count(), Run.objects.count()) == before


@pytest.mark.parametrize("key", ["", "a b", "x" * 81, "tab\t"])
def test_an_idempotency_key_is_short_and_plain(key, rows, admin):
    assert start(admin, rows, {"recipe": "plain"}, **{"Idempotency-Key": key}).status_code == 422


def test_a_training_is_accepted_with_the_address_of_its_job(rows, admin):
    answer = start(admin, rows, {"recipe": "plain", "rebalance": 0.5, "policy": "none"})
    told = answer.json()
    assert answer.status_code == 202
    assert admin.get(told["job_url"]).json()["row"]["state"] == "queued"
    assert Run.objects.get(pk=told["run"]).recipe["rebalance"] == 0.5


def test_the_same_request_twice_is_one_training(rows, admin):
    first, second = (start(admin, rows, {"recipe": "plain"}, **{"Idempotency-Key": "k-1"}) for _ in "ab")
    assert first.json() == second.json()
    Job.objects.filter(pk=first.json()["job"]).update(state=Job.State.DONE)  # ended meanwhile
    assert start(admin, rows, {"recipe": "plain"}, **{"Idempotency-Key": "k-1"}).json() == first.json()
    assert start(admin, rows, {"recipe": "plain"}, **{"Idempotency-Key": "k-2"}).json() != first.json()


@pytest.mark.parametrize(
    "other", [{"recipe": "augmented"}, {"recipe": "plain", "rebalance": 0.5}, {"recipe": "plain", "seed": 2}]
)
def test_a_used_idempotency_key_starts_nothing_else(other, rows, admin):
    key = {"Idempotency-Key": "k-1"}
    first = start(admin, rows, {"recipe": "plain", "seed": 1}, **key).json()
    before = Job.objects.count(), Run.objects.count()
    answer = start(admin, rows, other, **key)
    assert (answer.status_code, before) == (409, (Job.objects.count(), Run.objects.count()))
    assert answer.json()["detail"].startswith(f"This Idempotency-Key started run {first['run']}")
    assert start(admin, rows, {"recipe": "plain"}, **key).json() == first


def test_an_idempotency_key_counts_for_one_dataset(rows, admin, now):
    elsewhere = Dataset.objects.create(name="Birds", classes=["emu", "owl"], created_at=now)
    told = [
        start(admin, place, {"recipe": "plain"}, **{"Idempotency-Key": "k-1"}).json()
        for place in (rows, replace(rows, dataset=elsewhere.pk))
    ]
    assert Run.objects.get(pk=told[1]["run"]).dataset == elsewhere
    assert told[0]["run"] != told[1]["run"]


def test_a_curve_has_the_numbers_of_its_page(rows, engineer):
    from trainer.models import Curve

    told = engineer.get(reverse("api:curve", args=[rows.curve]), {"metric": "accuracy"}).json()
    assert told == curve_contexts.curve_info(Curve.objects.get(pk=rows.curve))


def test_a_run_tells_its_figures_with_intervals(rows, engineer):
    told = engineer.get(reverse("api:run", args=[rows.run])).json()
    kept = Run.objects.get(pk=rows.run).metrics["accuracy"]
    assert told["row"]["accuracy"] == kept
    assert [score["name"] for score in told["classes"]] == ["<b>cat</b>", "dog", "emu"]


@pytest.mark.parametrize(
    ("query", "count", "items"),
    [({}, 18, 18), ({"split": "test"}, 6, 6), ({"label": "emu", "page": 9}, 3, 3), ({"state": "?"}, 18, 18)],
)
def test_samples_come_page_by_page(query, count, items, rows, engineer):
    told = engineer.get(reverse("api:samples", args=[rows.dataset]), query).json()
    assert (told["count"], len(told["items"]), told["page"]) == (count, items, 1)


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999999999999999"])
def test_a_page_number_is_a_number(page, rows, engineer):
    assert engineer.get(reverse("api:samples", args=[rows.dataset]), {"page": page}).status_code == 422


@pytest.mark.parametrize("name", ["dataset", "run", "curve"])
def test_an_id_no_database_could_hold_is_refused(name, engineer):
    assert engineer.get(reverse(f"api:{name}", args=[10**30])).status_code == 422


def test_advice_is_decided_once(rows, admin):
    first = admin.post(reverse("api:take", args=[rows.idea]))
    told = first.json()["advice"]
    assert (told["state"], told["level"], told["starts"]) == (Advice.State.TAKEN, 0.9, False)
    assert admin.post(reverse("api:dismiss", args=[rows.idea])).status_code == 409


def test_what_cannot_be_started_stays_open(rows, admin):
    answer = admin.post(reverse("api:take", args=[rows.advice]))
    assert answer.status_code == 409
    assert "labels" in answer.json()["detail"]
    assert Advice.objects.get(pk=rows.advice).state == Advice.State.OPEN


def test_an_ended_job_is_not_cancelled(rows, admin):
    assert admin.post(reverse("api:cancel", args=[rows.job])).status_code == 202
    assert admin.post(reverse("api:cancel", args=[rows.job])).status_code == 409
    assert admin.post(reverse("api:retry", args=[rows.job])).status_code == 202


def test_versions_are_told_promoted_and_rolled_back(rows, admin):
    told = admin.get(reverse("api:models", args=[rows.dataset])).json()
    assert [(row["number"], row["state"]) for row in told["versions"]] == [(2, "candidate"), (1, "current")]
    assert told["current"]["accuracy"] == Run.objects.get(pk=rows.run).metrics["accuracy"]
    why = {"reason": "It looks better."}
    told = admin.post(reverse("api:promote", args=[rows.version]), why, content_type=JSON).json()
    assert (told["current"]["number"], told["previous"], told["history"][0]["reason"]) == (
        2,
        1,
        why["reason"],
    )
    again = admin.post(reverse("api:promote", args=[rows.version]), why, content_type=JSON)
    assert (again.status_code, again.json()["detail"]) == (409, "Version 2 is the current one already.")
    told = admin.post(reverse("api:roll_back", args=[rows.dataset])).json()
    assert (told["current"]["number"], told["previous"], told["history"][0]["by"]) == (1, None, "admin")
    assert admin.post(reverse("api:roll_back", args=[rows.dataset])).status_code == 409


@pytest.mark.parametrize("name", ["judge", "export"])
def test_slow_work_on_a_version_is_accepted(name, rows, admin):
    answer = admin.post(reverse(f"api:{name}", args=[rows.version]))
    assert answer.status_code == 202
    assert admin.get(answer.json()["job_url"]).json()["row"]["state"] == "queued"


def test_the_schema_tells_every_refusal(engineer):
    schema = engineer.get(reverse("api:openapi-json")).json()
    operations = [operation for path in schema["paths"].values() for operation in path.values()]
    assert len(operations) == 50
    assert all({"400", "401", "403", "404", "409", "422"} <= set(o["responses"]) for o in operations)
