"""Retraining on its page, in the API, at the command line and in Django's admin."""

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.urls import reverse

from labeling.models import Dataset, Sample
from trainer.models import ModelVersion, Run
from workbench.ledger.models import Job
from workbench.models import RetrainDecision, RetrainRule

pytestmark = pytest.mark.django_db
JSON = "application/json"
RULE = {"recipe": "plain", "seeds": "1", "schedule": "never", "window": "day", "promote": "gate"}
ON = {**RULE, "enabled": "on", "every_labels": "50"}
FULL = {
    "enabled": True, "recipe": {"width": 4}, "seeds": 2, "every_labels": 50, "floor": 8, "promote": "never",
    "schedule": "weekly", "every_hours": None, "weekday": 6, "at": "03:15",
    "window": "month", "max_trainings": 9, "max_seconds": 600,
}  # fmt: skip


def page(client, rows, sent=None):
    where = reverse("retraining", args=[rows.dataset])
    answer = client.get(where) if sent is None else client.post(where, sent, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def put(client, rows, body):
    return client.put(reverse("api:retrain_rule", args=[rows.dataset]), body, content_type=JSON)


def retrain(client, rows, **headers):
    return client.post(reverse("api:retrain", args=[rows.dataset]), headers=headers)


def in_order(text, *words):
    places = [text.index(word) for word in words]
    return places == sorted(places)


# --- what must not happen


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"every_labels": "0"}, "greater than or equal to 1"),
        ({"every_labels": "many"}, "Enter a whole number."),
        ({"every_labels": "99999999999"}, "less than or equal to 2147483647"),
        (
            {"every_labels": "", "floor": ""},
            "Nothing would ever start a training: give a number of new labels",
        ),
        ({"seeds": "0"}, "greater than or equal to 1"),
        ({"seeds": ""}, "This field is required."),
        ({"recipe": "unheard of"}, "Select a valid choice."),
        ({"recipe": "own"}, "Paste a recipe as a JSON object"),
        ({"recipe": "own", "own_recipe": "{'width': 4}"}, "This is no JSON."),
        ({"recipe": "own", "own_recipe": "[4]"}, "Paste a recipe as a JSON object"),
        ({"recipe": "own", "own_recipe": '{"width": 0}'}, "Width must lie in [1, 512], got 0"),
        ({"recipe": "own", "own_recipe": '{"wide": 4}'}, "Unknown field wide; known are"),
        ({"recipe": "own", "own_recipe": '{"policy": ["gentle"]}'}, "Policy must be one of"),
        ({"schedule": "hours"}, "Say after how many hours."),
        ({"schedule": "daily"}, "Say at what time."),
        ({"schedule": "daily", "at": "25:00"}, "Give the time as hours and minutes"),
        ({"schedule": "weekly", "at": "03:00"}, "Say on which day."),
        ({"schedule": "weekly", "at": "03:00", "weekday": "9"}, "Select a valid choice."),
        ({"max_seconds": "-1"}, "greater than or equal to 1"),
    ],
)
def test_bad_input_is_a_sentence_and_keeps_what_was_typed(changed, sentence, rows, sign_in):
    text = page(sign_in("admin"), rows, {**ON, "floor": "17", "max_trainings": "31"} | changed)
    assert sentence in text.replace("&#x27;", "'")
    assert 'value="31"' in text
    assert not RetrainRule.objects.exists()


@pytest.mark.parametrize("method", ["post", "put"])
@pytest.mark.parametrize("group", ["annotator", "engineer"])
def test_who_may_only_look_changes_no_rule_by_the_api(group, method, rows, sign_in):
    send = getattr(sign_in(group), method)
    for name in ("api:retrain_rule", "retraining"):
        answer = send(reverse(name, args=[rows.dataset]), FULL, content_type=JSON)
        assert answer.status_code in (403, 405)
    assert not RetrainRule.objects.exists()


@pytest.mark.parametrize("missing", [None, 2**31 - 1])
def test_a_rule_by_the_api_asks_for_a_sign_in_and_a_dataset(missing, rows, client, sign_in):
    assert client.put(reverse("api:retrain_rule", args=[rows.dataset]), FULL, JSON).status_code == 401
    gone = reverse("api:retrain_rule", args=[2**31 - 1])
    assert sign_in("admin").put(gone, FULL, JSON).status_code == 404


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"seeds": 0}, "seeds: "),
        ({"every_labels": -5}, "every_labels: "),
        ({"schedule": "hourly"}, "schedule"),
        ({"schedule": "daily", "at": "noon"}, "at"),
        ({"schedule": "weekly", "at": "03:00"}, "weekday: Say on which day."),
        ({"recipe": {"width": 0}}, "own_recipe: Width must lie in [1, 512]"),
        ({"recipe": ["plain"]}, "recipe"),
        ({"recipe": "unheard of"}, "recipe: Select a valid choice."),
        ({"enabled": True}, "Nothing would ever start a training"),
    ],
)
def test_a_senseless_rule_is_refused_by_the_api(body, word, rows, sign_in):
    answer = put(sign_in("admin"), rows, body)
    assert answer.status_code == 422
    assert word in str(answer.json()["detail"])
    assert not RetrainRule.objects.exists()


def test_an_engineer_reads_the_rule_and_is_offered_nothing(rows, sign_in):
    text = page(sign_in("engineer"), rows)
    assert in_order(text, "Rule</h2>", "Promote the new model", "if it passes the gate")
    assert "<form method" not in text.partition("<h1>")[2].partition("</main>")[0]


def test_a_click_while_a_run_is_open_says_so_and_starts_nothing(rows, sign_in):
    client = sign_in("admin")
    first = client.post(reverse("retrain", args=[rows.dataset]))
    again = client.post(reverse("retrain", args=[rows.dataset]), follow=True).content.decode()
    assert first["Location"] == f"/runs/{Run.objects.first().pk}/"
    assert "Nothing was started: run" in again
    assert "disabled aria-describedby" in again
    assert RetrainDecision.objects.count() == 1


# --- what must happen


def test_a_rule_is_off_until_somebody_switches_it_on(rows, sign_in):
    text = page(sign_in("admin"), rows)
    assert in_order(text, "only when a person asks", "Next retraining", ">Off<", "Nothing yet.")
    assert in_order(text, "in the last 24 hours; what the next costs is not known yet")
    assert page(sign_in("root"), rows, RULE).count("The rule is saved.") == 1


def test_the_page_says_what_the_next_retraining_waits_for(rows, sign_in):
    sent = {**ON, "schedule": "daily", "at": "03:15"}
    text = page(sign_in("admin"), rows, sent)
    assert in_order(text, "After 50 more labels or ", ", 03:15 (UTC)", "Whichever comes first.")
    assert in_order(text, 'value="50"', 'value="daily" selected', 'value="03:15"')


def test_the_page_says_why_nothing_is_started(rows, sign_in, now):
    RetrainDecision.objects.create(
        dataset_id=rows.dataset, at=now, trigger="labels", started=False, why="x", reason="No <b>.", facts={}
    )
    Sample.objects.filter(split="train", label="<b>cat</b>").update(label="dog")
    Run.objects.update(n_train=0)
    text = page(sign_in("admin"), rows, {**ON, "every_labels": "1", "floor": "5"})
    assert in_order(text, ">Held back<", "but not every class has 5 training labels: &lt;b&gt;cat&lt;/b&gt;")
    assert in_order(text, ">held back<", "new labels · ", "No &lt;b&gt;.")


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (None, "The gate has not judged it yet."),
        ({"reason": "It is &not shown better."}, "&amp;not shown better."),
    ],
)
def test_the_page_says_what_became_of_a_retraining(verdict, said, rows, sign_in, now):
    client = sign_in("admin")
    client.post(reverse("retrain", args=[rows.dataset]))
    run = Run.objects.first()
    ModelVersion.objects.create(
        dataset=run.dataset, number=7, run=run, weights="0" * 64, created_at=now, verdict=verdict
    )
    assert in_order(
        page(client, rows), f"run {run.pk}</a>", "admin asked for it.", "Version 7, candidate: ", said
    )


def test_a_rule_goes_in_and_out_of_the_api_unchanged(rows, sign_in):
    client = sign_in("admin")
    rule = put(client, rows, FULL).json()["rule"]
    told = put(client, rows, rule).json()
    assert told["rule"] == rule
    assert {**told["rule"], "recipe": 0, "at": 0} == {**FULL, "recipe": 0, "at": 0}
    assert (told["rule"]["recipe"]["width"], told["rule"]["at"][:5]) == (4, "03:15")
    assert told == client.get(reverse("api:retrain_rule", args=[rows.dataset])).json()
    assert (told["changed_by"], told["budget"]["window"]) == ("admin", "in the last 30 days")


def test_what_the_api_leaves_out_is_off(rows, sign_in):
    client = sign_in("admin")
    put(client, rows, FULL)
    rule = put(client, rows, {"recipe": "augmented"}).json()["rule"]
    assert (rule["enabled"], rule["recipe"], rule["every_labels"]) == (False, "augmented", None)


def test_the_same_request_twice_is_one_retraining(rows, sign_in):
    client = sign_in("admin")
    first, second = (retrain(client, rows, **{"Idempotency-Key": "k-1"}) for _ in "ab")
    assert (first.status_code, first.json()) == (202, second.json())
    assert [one["run"] for one in first.json()["started"]] == [Run.objects.first().pk]
    assert retrain(client, rows).status_code == 409
    Job.objects.update(state=Job.State.DONE)
    Run.objects.update(state=Run.State.DONE)
    assert retrain(client, rows, **{"Idempotency-Key": "k-1"}).json() == first.json()
    assert retrain(client, rows, **{"Idempotency-Key": "k-2"}).json() != first.json()


def test_the_command_starts_or_shows(rows, now, capsys):
    call_command("retrain", "Animals", "--show")
    assert "The rule of Animals is off. Nothing asks for a training." in capsys.readouterr().out
    Sample.objects.update(label="")
    with pytest.raises(CommandError, match="Nothing was started: no test picture has a label"):
        call_command("retrain", "Animals")
    assert not RetrainDecision.objects.exists()


def test_the_command_shows_what_is_due_and_what_was_decided(rows, sign_in, capsys):
    client = sign_in("admin")
    put(client, rows, {**FULL, "floor": None})
    retrain(client, rows)
    call_command("retrain", "Animals", "--show")
    said = capsys.readouterr().out
    assert in_order(
        said, "is on", "Due after 50 more labels.", "Due on ", "03:15 (UTC).", "admin asked for it."
    )


def test_the_action_in_the_administration_retrains_what_was_chosen(rows, sign_in, now):
    empty = Dataset.objects.create(name="Empty", created_at=now)
    client, where = sign_in("root"), reverse("admin:labeling_dataset_changelist")
    User.objects.update(is_staff=True)
    sent = {"action": "retrain_chosen", "_selected_action": [rows.dataset, empty.pk]}
    text = client.post(where, sent, follow=True).content.decode()
    assert "Animals: a training is queued." in text
    assert "Empty: Nothing was started: no test picture has a label" in text
    assert Job.objects.get(work="trainer.jobs.train").requested_by == "root"


def test_the_action_is_offered_to_those_alone_who_may_start_work(rows, sign_in):
    client, where = sign_in("engineer"), reverse("admin:labeling_dataset_changelist")
    User.objects.update(is_staff=True)
    assert "retrain_chosen" not in client.get(where).content.decode()
    client.post(where, {"action": "retrain_chosen", "_selected_action": [rows.dataset]})
    assert not RetrainDecision.objects.exists()
