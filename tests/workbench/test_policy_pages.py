import pytest
from django.urls import reverse

from augment import catalog
from workbench.ledger.models import Job
from workbench.views.train_form import Training

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("verb", ["policy", "policy-draw"])
def test_an_unknown_policy_is_not_found(verb, rows, sign_in):
    client = sign_in("root")
    ask = {"policy": client.get, "policy-draw": client.post}[verb]
    assert ask(reverse(verb, args=[rows.dataset, "wild"])).status_code == 404
    assert not Job.objects.filter(work="augment.jobs.preview").exists()


@pytest.mark.parametrize("name", catalog.NAMED)
def test_every_policy_has_a_page_that_says_what_it_does(name, rows, sign_in):
    text = sign_in("admin").get(reverse("policy", args=[rows.dataset, name])).content.decode()
    spec = catalog.find(name)
    assert spec.description.split(".")[0] in text
    assert all(f'<th scope="row">{one.name}</th>' in text for one in spec.transforms)


@pytest.mark.parametrize("name", ["gentle", "shift-flip"])
def test_both_kinds_can_be_previewed(name, rows, sign_in):
    sign_in("root").post(reverse("policy-draw", args=[rows.dataset, name]))
    job = Job.objects.get(work="augment.jobs.preview")
    assert (job.params["policy"], job.params["dataset_id"]) == (name, rows.dataset)


def test_every_policy_is_listed_and_can_be_trained_with(rows, sign_in):
    text = sign_in("admin").get(reverse("dataset", args=[rows.dataset])).content.decode()
    assert all(reverse("policy", args=[rows.dataset, name]) in text for name in catalog.NAMED)
    assert set(catalog.NAMED) <= {value for value, _ in Training().fields["policy"].choices}
