"""Who may do what: every address and method, for a stranger and for each group."""

from dataclasses import replace
from uuid import UUID

import pytest
from django.urls import URLPattern, get_resolver, reverse

from labeling.models import Dataset, LabelIssue
from trainer.models import Curve, GateRule, ModelVersion, Pretraining, Promotion, Run, Study
from workbench.ledger.models import Job
from workbench.models import Advice, RetrainDecision, RetrainRule

pytestmark = pytest.mark.django_db

ANYBODY = ("", "annotator", "engineer", "admin", "root")
EVERYONE = ANYBODY[1:]
ENGINEERS = EVERYONE[1:]
ADMINS = EVERYONE[2:]
JSON = "application/json"
NOBODY = UUID(int=0)

# (address, its argument, who may look).  The argument names a row of tests.workbench.web_rows.
LOOK = [
    ("healthz", None, ANYBODY),
    ("favicon", None, ANYBODY),
    ("sign-in", None, ANYBODY),
    ("home", None, EVERYONE),
    ("password", None, EVERYONE),
    ("datasets", None, EVERYONE),
    ("dataset", "dataset", EVERYONE),
    ("samples", "dataset", EVERYONE),
    ("annotators", "dataset", EVERYONE),
    ("annotators-csv", "dataset", EVERYONE),
    ("label", "dataset", EVERYONE),
    ("sample", "sample", EVERYONE),
    ("sample-picture", "sample", EVERYONE),
    ("sample-thumbnail", "sample", EVERYONE),
    ("quality", "dataset", ENGINEERS),
    ("quality-csv", "dataset", ENGINEERS),
    ("runs", "dataset", ENGINEERS),
    ("run", "run", ENGINEERS),
    ("models", "dataset", ENGINEERS),
    ("version", "version", ENGINEERS),
    ("version-weights", "version", ENGINEERS),
    ("version-onnx", "version", ENGINEERS),
    ("version-card", "version", ENGINEERS),
    ("version-predictions", "version", ENGINEERS),
    ("compare", "run", ENGINEERS),
    ("retraining", "dataset", ENGINEERS),
    ("features", "dataset", ENGINEERS),
    ("studies", "dataset", ENGINEERS),
    ("study", "study", ENGINEERS),
    ("curve", "curve", ENGINEERS),
    ("curve-csv", "curve", ENGINEERS),
    ("curve-classes", "curve", ENGINEERS),
    ("planner", "curve", ENGINEERS),
    ("training", "cell", ENGINEERS),
    ("multipliers", "dataset", ENGINEERS),
    ("forecasts", "dataset", ENGINEERS),
    ("policy", "dataset", ENGINEERS),
    ("preview-sheet", "preview", ENGINEERS),
    ("import-report", "report", ENGINEERS),
    ("jobs", None, ENGINEERS),
    ("jobs-live", None, ENGINEERS),
    ("job", "job", ENGINEERS),
    ("job-live", "job", ENGINEERS),
    ("dataset-new", None, ADMINS),
    ("next-round", "dataset", ADMINS),
    ("train", "dataset", ADMINS),
    ("curve-new", "dataset", ADMINS),
    ("dataset-delete", "dataset", ADMINS),
    ("api:openapi-json", None, EVERYONE),
    ("api:openapi-view", None, EVERYONE),
    ("api:datasets", None, EVERYONE),
    ("api:dataset", "dataset", EVERYONE),
    ("api:next_round", "dataset", ADMINS),
    ("api:samples", "dataset", EVERYONE),
    ("api:annotators", "dataset", EVERYONE),
    ("api:quality", "dataset", ENGINEERS),
    ("api:runs", "dataset", ENGINEERS),
    ("api:comparison", "dataset", ENGINEERS),
    ("api:run", "run", ENGINEERS),
    ("api:models", "dataset", ENGINEERS),
    ("api:compare", "run", ENGINEERS),
    ("api:retrain_rule", "dataset", ENGINEERS),
    ("api:features", "dataset", ENGINEERS),
    ("api:studies", "dataset", ENGINEERS),
    ("api:study", "study", ENGINEERS),
    ("api:embeddings", "dataset", ENGINEERS),
    ("api:curves", "dataset", ENGINEERS),
    ("api:curve", "curve", ENGINEERS),
    ("api:classes", "curve", ENGINEERS),
    ("api:plan", "curve", ENGINEERS),
    ("api:training", "cell", ENGINEERS),
    ("api:multipliers", "dataset", ENGINEERS),
    ("api:forecasts", "dataset", ENGINEERS),
    ("api:advice", "dataset", ENGINEERS),
    ("api:jobs", None, ENGINEERS),
    ("api:job", "job", ENGINEERS),
]
RULE = {"recipe": "plain", "seeds": 1, "schedule": "never", "window": "day", "promote": "gate"}
FEATURES = {"network": "cnn", "width": 4, "resolution": 16, "epochs": 2, "batch": 16}
ROUND = {"count": 2, "strategy": "random", "random_share": 0.2, "overlap": 1}
# (address, its argument, what is sent, who may do it)
ACT = [
    ("sign-out", None, {}, EVERYONE),
    ("dataset-new", None, {"name": "New one", "folder": "/tmp", "keep_labels": "all"}, ADMINS),
    ("sync", "dataset", {}, ADMINS),
    ("consensus", "dataset", {"method": "best"}, ADMINS),
    ("quality-search", "dataset", {}, ADMINS),
    ("quality-review", "dataset", {"issues": [1], "overlap": 1}, ADMINS),
    ("quality-inspect", "dataset", {}, ADMINS),
    ("quality-pictures", "dataset", {"issues": [1]}, ADMINS),
    ("advice-ask", "dataset", {}, ADMINS),
    ("next-round", "dataset", ROUND, ADMINS),
    ("train", "dataset", {"recipe": "plain"}, ADMINS),
    ("features", "dataset", FEATURES, ADMINS),
    ("embed", "dataset", {"source": "pixels"}, ADMINS),
    ("curve-new", "dataset", {"preset": "quick"}, ADMINS),
    ("buy", "curve", {"target": 97, "total": 2}, ADMINS),
    ("price", "curve", {"price": 0.2, "currency": "EUR"}, ADMINS),
    ("out-of-fold", "run", {}, ADMINS),
    ("retraining", "dataset", RULE, ADMINS),
    ("retrain", "dataset", {}, ADMINS),
    ("dataset-delete", "dataset", {"name": "Animals"}, ADMINS),
    ("policy-draw", "dataset", {}, ADMINS),
    ("advice-take", "idea", {}, ADMINS),
    ("advice-dismiss", "advice", {}, ADMINS),
    ("run-cancel", "run", {}, ADMINS),
    ("run-retry", "run", {}, ADMINS),
    ("job-cancel", "job", {}, ADMINS),
    ("job-retry", "failed", {}, ADMINS),
    ("models-rule", "dataset", {"metric": "accuracy", "rule": "by-hand", "margin_points": 1}, ADMINS),
    ("models-promote", "dataset", {"version": 1}, ADMINS),
    ("models-roll-back", "dataset", {}, ADMINS),
    ("version-judge", "version", {}, ADMINS),
    ("version-export", "version", {}, ADMINS),
    ("api:promote", "version", {}, ADMINS),
    ("api:roll_back", "dataset", {}, ADMINS),
    ("api:judge", "version", {}, ADMINS),
    ("api:export", "version", {}, ADMINS),
    ("api:start_run", "dataset", {"recipe": "plain"}, ADMINS),
    ("api:start_round", "dataset", ROUND, ADMINS),
    ("studies", "dataset", {"kind": "range-test", "recipe": "plain"}, ADMINS),
    ("api:start_study", "dataset", {"kind": "batch-map"}, ADMINS),
    ("api:start_features", "dataset", {"epochs": 2}, ADMINS),
    ("api:start_embedding", "dataset", {"source": "pixels"}, ADMINS),
    ("api:start_consensus", "dataset", {}, ADMINS),
    ("api:start_search", "dataset", {}, ADMINS),
    ("api:start_review", "dataset", {"issues": [1]}, ADMINS),
    ("api:start_inspection", "dataset", {}, ADMINS),
    ("api:judge_pictures", "dataset", {"issues": [1]}, ADMINS),
    ("api:start_curve", "dataset", {"preset": "quick"}, ADMINS),
    ("api:buy", "curve", {"target": 0.97}, ADMINS),
    ("api:price", "dataset", {"price": 0.2}, ADMINS),
    ("api:start_out_of_fold", "run", {}, ADMINS),
    ("api:retrain", "dataset", {}, ADMINS),
    ("api:take", "idea", {}, ADMINS),
    ("api:dismiss", "advice", {}, ADMINS),
    ("api:cancel", "job", {}, ADMINS),
    ("api:retry", "failed", {}, ADMINS),
]
ELSEWHERE = {"api:api-root"}  # answers 404 to everybody
SHORT_OF_LABELS = 409  # the API's honest answer: these few rows carry no curve


def address(name, argument, rows):
    if argument is None:
        return reverse(name)
    extra = ["gentle"] if name.startswith("policy") else [rows.other] if name.endswith("compare") else []
    return reverse(name, args=[getattr(rows, argument), *extra])


def send(client, name, argument, body, rows):
    kind = {"content_type": JSON} if name.startswith("api:") else {}
    return client.post(address(name, argument, rows), body, **kind)


def refused(name, group):
    """A stranger is led to the sign-in, a program told 401; a person without the right gets 403."""
    if group:
        return 403
    return 401 if name.startswith("api:") else 302


WORLD = (
    *(Dataset, LabelIssue, Run, ModelVersion, Promotion, GateRule, Pretraining, Study, Curve, Advice, Job),
    *(RetrainRule, RetrainDecision),
)


def world():
    """Everything that an action may change."""
    return [list(rows.order_by("pk").values()) for rows in (row.objects for row in WORLD)]


def names(patterns, space=""):
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield f"{space}{pattern.name}"
        elif pattern.namespace != "admin":
            inner = f"{pattern.namespace}:" if pattern.namespace else space
            yield from names(pattern.url_patterns, inner)


def test_every_address_is_in_the_tables():
    ours = set(names(get_resolver().url_patterns)) - ELSEWHERE
    assert ours == {name for name, *_ in [*LOOK, *ACT]}


@pytest.mark.parametrize("group", ANYBODY)
@pytest.mark.parametrize(("name", "argument", "who"), LOOK, ids=[row[0] for row in LOOK])
def test_looking(name, argument, who, group, rows, sign_in):
    answer = sign_in(group).get(address(name, argument, rows))
    allowed = 302 if name in ("favicon", "home", "label", "version") else 200
    assert answer.status_code == (allowed if group in who else refused(name, group))
    assert ("/sign-in" in answer.get("Location", "")) is (
        group not in who and not group and "api:" not in name
    )


@pytest.mark.parametrize(
    ("name", "argument", "body", "group"),
    [(*row[:3], group) for row in ACT for group in ANYBODY if group not in row[3]],
)
def test_acting_without_the_right_changes_nothing(name, argument, body, group, rows, sign_in):
    client = sign_in(group)
    before = world()
    assert send(client, name, argument, body, rows).status_code == refused(name, group)
    assert world() == before


@pytest.mark.parametrize("group", ADMINS)
@pytest.mark.parametrize(("name", "argument", "body", "who"), ACT, ids=[row[0] for row in ACT])
def test_admins_may_act(name, argument, body, who, group, rows, sign_in):
    Job.objects.filter(pk=rows.job).update(params={})  # else the dataset is busy and cannot be deleted
    answer = send(sign_in(group), name, argument, body, rows)
    assert answer.status_code in (200, 202, 302, SHORT_OF_LABELS), answer.content


@pytest.mark.parametrize(("name", "argument", "body", "who"), ACT, ids=[row[0] for row in ACT])
def test_every_change_asks_for_the_csrf_token(name, argument, body, who, rows, sign_in):
    client = sign_in("admin", enforce_csrf_checks=True)
    before = world()
    assert send(client, name, argument, body, rows).status_code == 403
    assert world() == before


@pytest.mark.parametrize(("name", "argument", "body", "who"), ACT, ids=[row[0] for row in ACT])
def test_no_change_by_a_mere_link(name, argument, body, who, rows, sign_in):
    before = world()
    assert sign_in("admin").get(address(name, argument, rows)).status_code in (200, 302, 405)
    assert world() == before


ABOUT_A_ROW = [(*row[:2], {}) for row in LOOK if row[1]] + [row[:3] for row in ACT if row[1]]


@pytest.mark.parametrize(("name", "argument", "body"), ABOUT_A_ROW, ids=[row[0] for row in ABOUT_A_ROW])
def test_what_is_not_there_is_not_found(name, argument, body, rows, sign_in):
    gone = replace(rows, **{argument: NOBODY if argument in ("job", "failed") else 2**31 - 1})
    client, path = sign_in("admin"), address(name, argument, gone)
    assert 404 in (client.get(path).status_code, send(client, name, argument, body, gone).status_code)
