"""The models page: what it says of versions, what people decide there, and the files that it hands out."""

import csv
import io

import pytest
from asgiref.sync import async_to_sync
from django.urls import reverse

from trainer.engine.gate import Rule
from trainer.engine.predictions import TestPredictions
from trainer.models import ModelVersion, Promotion
from trainer.services import registry
from workbench.ledger.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(sign_in):
    return sign_in("admin")


@pytest.fixture
def version(rows):
    """A candidate; version 1 is the current one."""
    return ModelVersion.objects.get(pk=rows.version)


def page(client, rows):
    return client.get(reverse("models", args=[rows.dataset])).content.decode()


def act(client, name, pk, **values):
    return client.post(reverse(name, args=[pk]), values, follow=True).content.decode()


def body(answer):
    """Read a streamed answer as a server would."""

    async def read():
        return b"".join([part async for part in answer.streaming_content])

    return async_to_sync(read)()


def current(rows):
    return ModelVersion.objects.get(dataset=rows.dataset, state=ModelVersion.State.CURRENT).number


# --- what must not happen


@pytest.mark.parametrize("word", ["Promote by hand", "Roll back", "Judge it", "Change the rule"])
def test_an_engineer_is_offered_nothing_that_would_be_refused(word, rows, sign_in):
    assert word not in page(sign_in("engineer"), rows)


def test_damaged_weights_are_neither_promoted_nor_handed_out(rows, version, admin):
    registry.weights_file(version).write_bytes(b"weights of")
    said = act(admin, "models-promote", rows.dataset, version=version.pk)
    assert "Version 2 cannot be promoted: runs/" in said
    assert "was altered" in said
    assert current(rows) == 1
    answer = admin.get(reverse("version-weights", args=[version.pk]), follow=True)
    assert "was altered" in answer.content.decode()


def test_an_altered_export_is_not_handed_out(rows, version, admin):
    registry.onnx_file(version).write_bytes(b"another graph")
    answer = admin.get(reverse("version-onnx", args=[version.pk]), follow=True)
    assert "model.onnx was altered" in answer.content.decode()


def test_a_version_of_another_dataset_is_no_choice(rows, admin, now):
    from tests.trainer import registry_rows

    foreign = registry_rows.make_version(registry_rows.make_dataset(now), now)
    said = act(admin, "models-promote", rows.dataset, version=foreign.pk)
    assert "Select a valid choice" in said
    assert current(rows) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"rule": "always"},
        {"metric": "macro_f1"},
        {"margin_points": 21},
        {"margin_points": "nan"},
        {"rule": ""},
    ],
)
def test_a_senseless_rule_changes_nothing(wrong, rows, version, admin):
    values = {"rule": "not-worse", "metric": "accuracy", "margin_points": 2, **wrong}
    assert "field-error" in act(admin, "models-rule", rows.dataset, **values)
    assert registry.rule_of(version.dataset) == Rule()


def test_without_a_version_before_nothing_rolls_back(rows, admin):
    assert "There is no version to roll back to." in act(admin, "models-roll-back", rows.dataset)


def test_lost_predictions_are_not_found(rows, version, admin):
    registry.measured_file(version).unlink()
    assert admin.get(reverse("version-predictions", args=[version.pk])).status_code == 404


# --- what it says and does


def test_it_says_which_version_counts_by_what_rule_and_what_the_gate_said(rows, sign_in):
    text = page(sign_in("engineer"), rows)
    assert "A candidate is promoted when it is shown better" in text
    assert "Neither better nor worse is shown against version 1: +1.0 points." in text
    assert "<strong>Version 1</strong> promoted by hand by ada" in text
    assert "Said &lt;b&gt;better&lt;/b&gt;." in text


def test_promoting_and_rolling_back_by_hand_is_recorded(rows, version, admin):
    said = act(admin, "models-promote", rows.dataset, version=version.pk, reason="It looks better.")
    assert "Version 2 is the current one now." in said
    assert current(rows) == 2
    assert "Version 1 is the current one again." in act(admin, "models-roll-back", rows.dataset)
    history = list(Promotion.objects.values_list("version__number", "kind", "by", "reason")[:2])
    assert history == [
        (1, "rollback", "admin", "Rolled back from version 2."),
        (2, "hand", "admin", "It looks better."),
    ]


def test_the_rule_is_changed_in_points(rows, version, admin):
    act(admin, "models-rule", rows.dataset, rule="not-worse", metric="balanced_accuracy", margin_points=2.5)
    assert registry.rule_of(version.dataset) == Rule("balanced_accuracy", "not-worse", 0.025)
    assert "excludes a loss of more than 2.5 points" in page(admin, rows)


@pytest.mark.parametrize(("name", "work"), [("version-judge", "judge"), ("version-export", "export")])
def test_slow_work_is_queued_and_leads_back(name, work, rows, version, admin):
    answer = admin.post(reverse(name, args=[version.pk]))
    job = Job.objects.get(work=f"trainer.registry.jobs.{work}")
    assert answer["Location"] == reverse("job", args=[job.pk])
    assert reverse("version", args=[version.pk]) in admin.get(answer["Location"]).content.decode()
    led = admin.get(reverse("version", args=[version.pk]))
    assert led["Location"] == reverse("models", args=[rows.dataset])


@pytest.mark.parametrize(
    ("name", "file", "data"),
    [
        ("version-weights", "animals-v2.safetensors", b"weights of 2"),
        ("version-onnx", "animals-v2.onnx", b"graph"),
    ],
)
def test_files_are_streamed_under_a_safe_name(name, file, data, version, admin):
    answer = admin.get(reverse(name, args=[version.pk]))
    assert body(answer) == data
    assert answer["Content-Disposition"] == f'attachment; filename="{file}"'
    assert (answer["Content-Length"], answer["X-Content-Type-Options"]) == (str(len(data)), "nosniff")


@pytest.mark.parametrize(
    ("dataset", "file"),
    [("../../etc/passwd", "etcpasswd-v2"), ("Blätter & <b>", "blatter-b-v2"), ("日本", "dataset-v2")],
)
def test_a_datasets_name_cannot_lead_elsewhere(dataset, file, version, admin):
    version.dataset.name = dataset
    version.dataset.save(update_fields=["name"])
    answer = admin.get(reverse("version-card", args=[version.pk]))
    assert answer["Content-Disposition"] == f'attachment; filename="{file}-card.md"'


def test_the_card_tells_the_version(version, admin):
    text = admin.get(reverse("version-card", args=[version.pk])).content.decode()
    assert text.startswith("# Animals, model version 2\n")
    assert 'onnxruntime.InferenceSession("animals-v2.onnx")' in text
    assert version.weights in text


def test_test_predictions_come_as_a_table_that_calculates_nothing(rows, version, admin):
    version.dataset.samples.testing().update(name="=cmd|' /C calc'!A0")
    answer = admin.get(reverse("version-predictions", args=[version.pk]))
    table = list(csv.DictReader(io.StringIO(body(answer).decode())))
    said = TestPredictions.load(registry.measured_file(version))
    assert [row["sha256"] for row in table] == said.keys.tolist()
    assert {row["name"] for row in table} == {"'=cmd|' /C calc'!A0", ""}  # "": no test picture any more
    assert [float(row["p dog"]) for row in table] == pytest.approx(said.probs[:, 1].tolist(), abs=1e-6)
    assert table[0]["label"] == "<b>cat</b>"


def test_the_dataset_page_names_the_current_version(rows, sign_in):
    text = sign_in("engineer").get(reverse("dataset", args=[rows.dataset])).content.decode()
    assert "<strong>Version 1</strong>, accuracy" in text
    assert "1 candidate beside it." in text
