import numpy as np
import pytest
import toys
from django.apps import apps
from django.urls import reverse

from labeling.models import Dataset
from labeling.services import pictures

MODELS = [model._meta.model_name for model in apps.get_app_config("labeling").get_models()]


@pytest.fixture
def dataset(db, state, now, tmp_path) -> Dataset:
    made = Dataset.objects.create(name="shapes", created_at=now)
    toys.shape_folder(tmp_path / "in", {"circle": 3, "square": 3}, np.random.default_rng(0))
    pictures.import_images(made, tmp_path / "in", now=now)
    return made


@pytest.mark.parametrize("model", MODELS)
def test_rows_that_services_write_cannot_be_added(admin_client, model):
    assert admin_client.get(reverse(f"admin:labeling_{model}_add")).status_code == 403


@pytest.mark.parametrize("model", MODELS)
def test_every_list_opens(admin_client, dataset, model):
    assert admin_client.get(reverse(f"admin:labeling_{model}_changelist")).status_code == 200


def test_a_sample_can_be_looked_at_but_neither_changed_nor_deleted(admin_client, dataset):
    sample = dataset.samples.first()
    change = reverse("admin:labeling_sample_change", args=[sample.pk])
    assert admin_client.get(change).status_code == 200
    assert admin_client.post(change, {"label": "x"}).status_code == 403
    assert admin_client.post(reverse("admin:labeling_sample_delete", args=[sample.pk])).status_code == 403


def test_of_a_dataset_the_note_can_be_changed_and_nothing_deleted(admin_client, dataset):
    change = reverse("admin:labeling_dataset_change", args=[dataset.pk])
    assert admin_client.post(change, {"name": "shapes", "note": "drawn"}).status_code == 302
    assert Dataset.objects.get().note == "drawn"
    assert admin_client.post(reverse("admin:labeling_dataset_delete", args=[dataset.pk])).status_code == 403
